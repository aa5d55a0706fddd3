// SPDX-License-Identifier: BSD-3-Clause
//
// Accepting pauses when descriptors run out, and goes on when sessions have ended.
#include "control/smtp/proxy.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::smtp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using policy::log_value;

namespace {

constexpr int kBacklog = 1024;
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kTurnAwayTime{1000};
constexpr std::string_view kTooManySessions = "too-many-sessions";
constexpr long kMaxTurnedAway = 500;  // beyond that they are closed without a word

IpAddress address_of(const asio::ip::address& address) {
  if (address.is_v4()) return IpAddress::v4(address.to_v4().to_uint());
  return IpAddress::v6(address.to_v6().to_bytes()).unmapped();
}

}  // namespace

Proxy::Proxy(asio::io_context& loop, Service& service)
    : loop_(loop), service_(service), drain_timer_(loop) {}

Proxy::~Proxy() = default;

tcp::acceptor bind(asio::io_context& loop, const tcp::endpoint& endpoint) {
  try {
    tcp::acceptor acceptor(loop);
    acceptor.open(endpoint.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    if (endpoint.protocol() == tcp::v6()) acceptor.set_option(asio::ip::v6_only(true));
    acceptor.bind(endpoint);
    acceptor.listen(kBacklog);
    return acceptor;
  } catch (const boost::system::system_error& error) {
    throw std::runtime_error("cannot listen on " + endpoint.address().to_string() + " port " +
                             std::to_string(endpoint.port()) + ": " + error.code().message());
  }
}

void Proxy::add(tcp::acceptor acceptor) {
  acceptors_.push_back(std::move(acceptor));
}

void Proxy::start() {
  for (auto& acceptor : acceptors_) asio::co_spawn(loop_, accept(acceptor), asio::detached);
  service_.farm.start();
}

asio::awaitable<void> Proxy::accept(tcp::acceptor& acceptor) {
  asio::steady_timer pause(loop_);
  while (!draining_) {
    error_code error;
    auto socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (draining_) co_return;
    if (error) {
      if (error != asio::error::connection_aborted) {
        spdlog::error("accept error={}", log_value(error.message()));
        pause.expires_after(kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
      continue;
    }
    asio::co_spawn(loop_, serve(std::move(socket)), [](const std::exception_ptr& thrown) {
      if (!thrown) return;
      try {
        std::rethrow_exception(thrown);
      } catch (const std::exception& e) {
        spdlog::error("session failed error={}", log_value(e.what()));
      }
    });
  }
}

asio::awaitable<void> Proxy::serve(tcp::socket socket) {
  error_code error;
  const auto remote = socket.remote_endpoint(error);
  if (error) co_return;  // gone again
  const auto local = socket.local_endpoint(error);
  if (error) co_return;
  SessionEnds ends{.client = address_of(remote.address()),
                   .client_port = remote.port(),
                   .local = address_of(local.address()),
                   .local_port = local.port()};
  const auto is_it = [&](const Prefix& prefix) { return prefix.contains(ends.client); };
  if (std::ranges::any_of(service_.options.load_balancers, is_it)) {
    if (unnamed_ >= service_.options.max_sessions) co_return;
    unnamed_++;
    const IpAddress balancer = ends.client;
    const bool named = co_await read_proxy_header(socket, ends);
    unnamed_--;
    if (draining_) co_return;
    if (!named) {
      spdlog::warn("session client={} end=no-proxy-header", balancer.to_string());
      co_return;
    }
  }
  if (service_.outbound != nullptr && !service_.outbound->admits(ends.client)) {
    spdlog::warn("session client={} end=foreign", ends.client.to_string());
    co_await turn_away(std::move(socket),
                       make_reply(554, "5.7.1", "only for this site's own mail"));
    co_return;
  }
  const Prefix source = policy::Learning::source_of(ends.client);
  if (const auto full = no_room_for(ends, source); !full.empty()) {
    spdlog::warn("session client={} end={}", ends.client.to_string(), full);
    Reply reply = full == kTooManySessions ? make_reply(421, "4.3.2", "too busy; try again later")
                                           : make_reply(421, "4.7.0", "too many sessions of yours");
    co_await turn_away(std::move(socket), std::move(reply));
    co_return;
  }

  Session session(
      service_, std::move(socket), ends,
      fmt::format("{}{:x}-{:x}", service_.options.id_prefix, std::time(nullptr), next_id_++));
  // Leaves the books in order even where the session ends by an exception.
  struct Entry {
    Proxy& proxy;
    Session* session;
    const Prefix& source;
    Entry(Proxy& p, Session* s, const Prefix& from) : proxy(p), session(s), source(from) {
      proxy.sessions_.insert(session);
      proxy.watch_load();
      proxy.per_source_[source]++;
    }
    ~Entry() {
      proxy.sessions_.erase(session);
      proxy.watch_load();
      const auto count = proxy.per_source_.find(source);
      if (--count->second == 0) proxy.per_source_.erase(count);
      proxy.finished();
    }
  } entry(*this, &session, source);
  co_await session.run();
}

// Why there is no room, as the log says it; empty: there is.
std::string_view Proxy::no_room_for(const SessionEnds& ends, const Prefix& source) {
  const int64_t now = std::time(nullptr);
  const bool known = service_.outbound != nullptr || service_.sources.known.knows(source, now);
  const Standing standing =
      known ? Standing::kKnown : standing_of(service_.judging.policy->snapshot(), ends, now);
  if (!service_.overload.admits(standing, sessions_.size())) return kTooManySessions;
  const auto open = per_source_.find(source);
  if (open != per_source_.end() && open->second >= service_.options.max_sessions_per_source)
    return "too-many-sessions-of-source";
  const auto uptime = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now().time_since_epoch());
  if (!service_.sources.limits.take(policy::Limited::kSessions, source, uptime.count()) &&
      !is_exempt(service_.judging.policy->snapshot(), ends, now))
    return "session-rate-of-source";
  return {};
}

void Proxy::watch_load() {
  if (!service_.overload.observe(sessions_.size())) return;
  spdlog::warn("overload state={} sessions={}", word(service_.overload.state()), sessions_.size());
  for (Session* session : sessions_) session->hurry();
}

asio::awaitable<void> Proxy::turn_away(tcp::socket socket, Reply reply) {
  if (turned_away_.use_count() > kMaxTurnedAway) co_return;
  const auto at_work = turned_away_;  // counts, and may outlive the proxy
  ClientStream stream(std::move(socket));
  const std::string wire = reply.wire();
  const auto outcome = co_await stream.write(wire, kTurnAwayTime);
  if (outcome == ClientStream::Outcome::kDone) co_await stream.linger(kTurnAwayTime);
}

asio::awaitable<bool> Proxy::read_proxy_header(tcp::socket& socket, SessionEnds& ends) {
  ProxyHeaderReader reader;
  std::array<char, 512> buffer;
  Deadline deadline(socket.get_executor(), [&socket] {
    error_code ignored;
    socket.cancel(ignored);
  });
  deadline.arm(service_.options.proxy_header_time);
  while (const size_t wanted = reader.wanted()) {
    error_code error;
    const size_t count = co_await socket.async_read_some(
        asio::buffer(buffer.data(), std::min(wanted, buffer.size())),
        asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    reader.receive(std::string_view(buffer.data(), count));
  }
  if (!reader.header()) co_return false;
  if (const auto& told = reader.header()->endpoints)
    ends = {.client = told->source,
            .client_port = told->source_port,
            .local = told->destination,
            .local_port = told->destination_port};
  else
    ends.balancer = true;
  co_return true;
}

void Proxy::drain(std::chrono::milliseconds time, std::function<void()> done) {
  draining_ = true;
  done_ = std::move(done);
  error_code ignored;
  for (auto& acceptor : acceptors_) acceptor.close(ignored);
  service_.farm.stop();
  for (Session* session : sessions_) session->drain();
  drain_timer_.expires_after(time);
  drain_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    service_.farm.cut();
    for (Session* session : sessions_) session->cut();
  });
  finished();
}

void Proxy::finished() {
  if (!draining_ || !sessions_.empty() || !done_) return;
  drain_timer_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace postern::smtp
