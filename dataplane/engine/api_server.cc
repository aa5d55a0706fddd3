// SPDX-License-Identifier: BSD-3-Clause
//
// Connections of the management API and who is at their other end (dataplane/engine/api_server.h).
// Each connection is a coroutine on the one thread, so that handlers never run beside each other.
// What one throws ends that connection, and what the clock's work throws is tried again: packets of
// a whole site pass through this process, which a management API is never to end.
#include "dataplane/engine/api_server.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <exception>
#include <optional>
#include <system_error>

#include <spdlog/spdlog.h>

#include "dataplane/engine/http_session.h"
#include "dataplane/engine/peer_roles.h"
#include "dataplane/engine/tls_listener.h"
#include "dataplane/engine/unix_listener.h"

namespace postern {
namespace {

constexpr std::chrono::seconds kTickInterval{1};
constexpr size_t kMaxRefused = 64;  // connections told so at one time; further ones just end
// Handshakes under way hold no place among those that are served: nobody knows yet who it is.
constexpr size_t kMaxHandshakes = 64;
constexpr std::chrono::seconds kHandshakeTime{10};

void tell(const char* what) noexcept {
  try {
    spdlog::error("event=api-failed why=\"{}\"", what);
  } catch (...) {  // there is no room even for that
  }
}

// The end of a coroutine that nobody waits for.
void tell_failure(const std::exception_ptr& thrown) noexcept {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    tell(error.what());
  } catch (...) {
    tell("of no known kind");
  }
}

template <typename Work>
bool succeeds(const Work& work) noexcept {
  try {
    work();
    return true;
  } catch (...) {
    tell_failure(std::current_exception());
    return false;
  }
}

}  // namespace

class ApiServer::Listener {
 public:
  Listener(Engine& engine, const ApiSettings& settings)
      : api_(engine, settings),
        roles_(settings.operators, settings.readers),
        tls_(settings.listen.empty() ? nullptr : std::make_unique<TlsListener>(loop_, settings)),
        // Where groups decide, everybody may connect, and is told what they may not.
        socket_(settings.socket, roles_.are_by_group() ? 0666 : 0660),
        acceptor_(loop_, Local(), socket_.release()),
        signals_(loop_, SIGINT, SIGTERM),
        wake_(loop_, new_event()) {}

  const std::string& path() const noexcept { return socket_.path(); }

  void run() {
    // Either ends the loop; what is still open is closed with it.
    signals_.async_wait([this](const auto& error, int) {
      if (!error) loop_.stop();
    });
    wake_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [this](const auto&) { loop_.stop(); });
    asio::co_spawn(loop_, tick(), tell_failure);
    asio::co_spawn(loop_, tick_samples(), tell_failure);
    asio::co_spawn(loop_, accept(), tell_failure);
    if (tls_) asio::co_spawn(loop_, accept_tls(), tell_failure);
    loop_.run();
  }

  void stop() noexcept {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has been woken.
    [[maybe_unused]] const auto written = write(wake_.native_handle(), &one, sizeof one);
  }

 private:
  // One connection among those of its kind, for as long as it lives.
  class Count {
   public:
    explicit Count(size_t& count) noexcept : count_(&count) { ++*count_; }
    Count(Count&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
    ~Count() {
      if (count_) --*count_;
    }

   private:
    size_t* count_;
  };

  static int new_event() {
    const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return descriptor;
  }

  asio::awaitable<void> tick() {
    asio::steady_timer timer(loop_);
    for (;;) {
      succeeds([&] { api_.tick(); });
      timer.expires_after(kTickInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  asio::awaitable<void> tick_samples() {
    asio::steady_timer timer(loop_);
    for (;;) {
      succeeds([&] { api_.tick_samples(); });
      timer.expires_after(Api::kSampleInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  // After an error in accepting: out of descriptors, most likely, and others will be closed.
  asio::awaitable<void> rest() {
    asio::steady_timer pause(loop_);
    pause.expires_after(std::chrono::milliseconds(100));
    co_await pause.async_wait(kAwait);
  }

  asio::awaitable<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (error) {
        co_await rest();
        continue;
      }
      const bool begun = succeeds([&] {
        auto caller = roles_.caller_of(socket.native_handle());
        begin(UnixStream(std::move(socket)), std::move(caller));
      });
      if (!begun) co_await rest();
    }
  }

  // Those that are being refused hold no place among those that are served, so that clients who try
  // again and again do not keep the place of one that has gone; past their own bound they are
  // closed unanswered. Nor does somebody who may do nothing.
  template <typename Stream>
  void begin(Stream stream, Caller caller) {
    const bool may = caller.role != Role::kNobody, reads = caller.role == Role::kReader;
    if (may && served_ < kMaxConnections && !(reads && readers_ >= kMaxReaders))
      asio::co_spawn(loop_,
                     serve(std::move(stream), std::move(caller), Count(served_),
                           reads ? std::optional<Count>(std::in_place, readers_) : std::nullopt),
                     tell_failure);
    else if (refused_ < kMaxRefused)
      asio::co_spawn(
          loop_,
          turn_away(std::move(stream),
                    may ? api_error(503, "too many connections; try again") : api_.unknown(caller),
                    Count(refused_)),
          tell_failure);
  }

  template <typename Stream>
  asio::awaitable<void> serve(Stream stream, Caller caller, Count, std::optional<Count>) {
    HttpSession session(api_, unsent_, std::move(caller));
    co_await session.serve(stream);
  }

  template <typename Stream>
  static asio::awaitable<void> turn_away(Stream stream, ApiAnswer answer, Count) {
    co_await HttpSession::refuse(stream, std::move(answer));
  }

  asio::awaitable<void> accept_tls() {
    for (;;) {
      auto [error, socket] = co_await tls_->acceptor().async_accept(kAwait);
      if (error) {
        co_await rest();
        continue;
      }
      const bool begun = succeeds([&] {
        if (handshakes_ >= kMaxHandshakes) return;
        asio::co_spawn(
            loop_, shake_hands(TlsStream(std::move(socket), tls_->context()), Count(handshakes_)),
            tell_failure);
      });
      if (!begun) co_await rest();
    }
  }

  asio::awaitable<void> shake_hands(TlsStream stream, Count) {
    auto& lowest = beast::get_lowest_layer(stream);
    lowest.expires_after(kHandshakeTime);
    const auto done = co_await stream.async_handshake(asio::ssl::stream_base::server, kAwait);
    if (std::get<0>(done)) co_return;
    beast::error_code gone;
    const auto peer = lowest.socket().remote_endpoint(gone);
    if (gone) co_return;
    auto caller = tls_->caller_of(stream.native_handle(), peer);
    begin(std::move(stream), std::move(caller));
  }

  Api api_;
  // Before the loop, whose end destroys what counts here.
  size_t served_ = 0;
  size_t readers_ = 0;  // of those
  size_t refused_ = 0;
  size_t handshakes_ = 0;
  size_t unsent_ = 0;  // octets of answers
  PeerRoles roles_;
  asio::io_context loop_{1};
  std::unique_ptr<TlsListener> tls_;  // none: only the socket
  // After all that can refuse to start: who sees the socket may take it that the engine is up.
  UnixListener socket_;
  Local::acceptor acceptor_;
  asio::signal_set signals_;
  asio::posix::stream_descriptor wake_;
};

ApiServer::ApiServer(Engine& engine, const ApiSettings& settings)
    : listener_(std::make_unique<Listener>(engine, settings)) {}

ApiServer::~ApiServer() = default;

const std::string& ApiServer::socket_path() const noexcept {
  return listener_->path();
}

void ApiServer::run() {
  listener_->run();
}

void ApiServer::stop() noexcept {
  listener_->stop();
}

}  // namespace postern
