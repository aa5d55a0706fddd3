// SPDX-License-Identifier: BSD-3-Clause
//
// HTTP/1.1 over the Unix socket (dataplane/engine/api_server.h), by Boost.Beast. Each connection is
// a coroutine on the one thread, so that handlers never run beside each other.
#include "dataplane/engine/api_server.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <system_error>
#include <utility>

#include "dataplane/engine/api.h"
#include "dataplane/engine/unix_listener.h"

namespace postern {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Local = asio::local::stream_protocol;
using Stream = beast::basic_stream<Local>;
using Request = http::request_parser<http::string_body>;
using Response = http::response<http::string_body>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kTickInterval{1};
// What a client may still send after it was refused, and for how long, so that it reads the refusal
// before it sees the connection gone.
constexpr std::chrono::seconds kLingerTime{1};
constexpr size_t kLingerBytes = 1024 * 1024;
constexpr size_t kMaxRefused = 64;  // connections told so at one time; further ones just end

Response response_of(ApiAnswer answer, unsigned version) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::server, "postern/" POSTERN_VERSION);
  response.set(http::field::content_type,
               beast::string_view(answer.content_type.data(), answer.content_type.size()));
  if (!answer.allow.empty())
    response.set(http::field::allow, beast::string_view(answer.allow.data(), answer.allow.size()));
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

// The answer to bytes that are no acceptable HTTP; status 0 where none is due.
ApiAnswer answer_to_error(const beast::error_code& error) {
  if (error == http::error::body_limit) return api_error(413, "the body is over 64 KiB");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return api_error(431, "the header is over 8 KiB");
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != make_error_code(http::error::bad_method).category())
    return {0, {}};
  return api_error(400, "not HTTP/1.1: " + error.message());
}

}  // namespace

class ApiServer::Listener {
 public:
  Listener(Engine& engine, const ApiSettings& settings)
      : api_(engine, settings),
        socket_(settings.socket),
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
    asio::co_spawn(loop_, tick(), asio::detached);
    asio::co_spawn(loop_, tick_samples(), asio::detached);
    asio::co_spawn(loop_, accept(), asio::detached);
    loop_.run();
  }

  void stop() noexcept {
    const uint64_t one = 1;
    // Fails only when the counter is full, and then the loop has been woken.
    [[maybe_unused]] const auto written = write(wake_.native_handle(), &one, sizeof one);
  }

 private:
  static int new_event() {
    const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (descriptor < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
    return descriptor;
  }

  asio::awaitable<void> tick() {
    asio::steady_timer timer(loop_);
    for (;;) {
      api_.tick();
      timer.expires_after(kTickInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  asio::awaitable<void> tick_samples() {
    asio::steady_timer timer(loop_);
    for (;;) {
      api_.tick_samples();
      timer.expires_after(Api::kSampleInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause(loop_);
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(kAwait);
      if (error) {  // out of descriptors, most likely: others will be closed
        pause.expires_after(std::chrono::milliseconds(100));
        co_await pause.async_wait(kAwait);
        continue;
      }
      // Those that are being refused hold no place among those that are served, so that clients who
      // try again and again do not keep the place of one that has gone; past their own bound they
      // are closed unanswered.
      if (served_ < kMaxConnections)
        asio::co_spawn(loop_, serve(Stream(std::move(socket)), Count(served_)), asio::detached);
      else if (refused_ < kMaxRefused)
        asio::co_spawn(loop_, turn_away(Stream(std::move(socket)), Count(refused_)),
                       asio::detached);
    }
  }

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

  asio::awaitable<void> serve(Stream stream, Count) {
    beast::flat_buffer buffer(kMaxHeaderBytes + Api::kMaxBodyBytes);
    for (bool open = true; open;) {
      Request request;
      request.header_limit(kMaxHeaderBytes);
      request.body_limit(Api::kMaxBodyBytes);
      stream.expires_after(std::chrono::seconds(kIdleSeconds));
      if (const auto error = co_await read(stream, buffer, request)) {
        if (const auto answer = answer_to_error(error); answer.status != 0)
          co_await refuse(stream, answer);
        co_return;
      }
      const auto& message = request.get();
      auto answer = co_await answer_to(message);
      auto response = response_of(std::move(answer), message.version());
      response.keep_alive(message.keep_alive());
      stream.expires_after(std::chrono::seconds(kIdleSeconds));
      open = response.keep_alive();
      const auto [error, bytes] = co_await http::async_write(stream, response, kAwait);
      if (error) co_return;
    }
    beast::error_code ignored;
    stream.socket().shutdown(Local::socket::shutdown_send, ignored);
  }

  // Asks again while there is nothing to say yet, within what the API itself bounds.
  asio::awaitable<ApiAnswer> answer_to(const http::request<http::string_body>& message) {
    const std::string_view method(message.method_string().data(), message.method_string().size());
    const std::string_view target(message.target().data(), message.target().size());
    asio::steady_timer timer(loop_);
    const auto came = std::chrono::steady_clock::now();
    for (;;) {
      const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
          std::chrono::steady_clock::now() - came);
      auto answer = api_.handle(method, target, message.body(), waited);
      if (!answer.pending) co_return answer;
      timer.expires_after(Api::kSampleInterval);
      co_await timer.async_wait(kAwait);
    }
  }

  static asio::awaitable<void> turn_away(Stream stream, Count) {
    co_await refuse(stream, api_error(503, "too many connections; try again"));
  }

  static asio::awaitable<beast::error_code> read(Stream& stream, beast::flat_buffer& buffer,
                                                 Request& request) {
    auto [error, bytes] = co_await http::async_read_header(stream, buffer, request, kAwait);
    if (error) co_return error;
    if (beast::iequals(request.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, request.get().version());
      std::tie(error, bytes) = co_await http::async_write(stream, go_on, kAwait);
      if (error) co_return error;
    }
    std::tie(error, bytes) = co_await http::async_read(stream, buffer, request, kAwait);
    co_return error;
  }

  // Answers, hangs up, and lets the client finish speaking within bounds.
  static asio::awaitable<void> refuse(Stream& stream, ApiAnswer answer) {
    auto response = response_of(std::move(answer), 11);
    response.keep_alive(false);
    stream.expires_after(kLingerTime);
    const auto written = co_await http::async_write(stream, response, kAwait);
    if (std::get<0>(written)) co_return;
    beast::error_code ignored;
    stream.socket().shutdown(Local::socket::shutdown_send, ignored);
    std::array<char, 4096> sink;
    for (size_t total = 0; total < kLingerBytes;) {
      const auto [error, bytes] = co_await stream.async_read_some(asio::buffer(sink), kAwait);
      if (error) co_return;
      total += bytes;
    }
  }

  Api api_;
  // Before the loop, whose end destroys what counts here.
  size_t served_ = 0;
  size_t refused_ = 0;
  UnixListener socket_;
  asio::io_context loop_{1};
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
