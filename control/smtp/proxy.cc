// SPDX-License-Identifier: BSD-3-Clause
//
// Who is let in, and who is told to come again.
#include "control/smtp/proxy.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <string>
#include <utility>

#include "control/policy/log_text.h"
#include "control/policy/source_of.h"

namespace postern::smtp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using policy::log_value;

namespace {

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

void Proxy::add(listen::ListeningSocket socket) {
  accepting_.emplace_back(loop_, std::move(socket), [this](tcp::socket client) {
    return serve(std::move(client), Connection(*this));
  });
}

void Proxy::start() {
  for (auto& accepting : accepting_) accepting.start();
  service_.farm.start();
}

asio::awaitable<void> Proxy::serve(tcp::socket socket, Connection) {
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
  const Prefix source = policy::source_of(ends.client);
  if (const auto full = no_room_for(ends, source); !full.empty()) {
    spdlog::warn("session client={} end={}", ends.client.to_string(), full);
    Reply reply = full == kTooManySessions ? make_reply(421, "4.3.2", "too busy; try again later")
                                           : make_reply(421, "4.7.0", "too many sessions of yours");
    co_await turn_away(std::move(socket), std::move(reply));
    co_return;
  }

  Session session(service_, std::move(socket), ends,
                  fmt::format("{}{:x}-{:x}-{:x}", service_.options.id_prefix, std::time(nullptr),
                              ::getpid(), next_id_++));
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
    }
  } entry(*this, &session, source);
  if (hurrying_) session.drain();
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
  if (!service_.sources.limits.take(policy::Limited::kSessions, source, policy::rate_time()) &&
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

void Proxy::drain(std::chrono::milliseconds patience, std::chrono::milliseconds time,
                  std::function<void()> done) {
  draining_ = true;
  done_ = std::move(done);
  for (auto& accepting : accepting_) accepting.stop();
  service_.farm.stop();
  if (patience.count() == 0) {
    hurry(time);
  } else {
    drain_timer_.expires_after(patience);
    drain_timer_.async_wait([this, time](const error_code& error) {
      if (!error) hurry(time);
    });
  }
  if (connections_ == 0) finish();
}

void Proxy::hurry(std::chrono::milliseconds time) {
  hurrying_ = true;
  for (Session* session : sessions_) session->drain();
  drain_timer_.expires_after(time);
  drain_timer_.async_wait([this](const error_code& error) {
    if (error) return;
    service_.farm.cut();
    for (Session* session : sessions_) session->cut();
  });
}

void Proxy::finished() {
  connections_--;
  if (draining_ && connections_ == 0) finish();
}

void Proxy::finish() {
  if (!done_) return;
  drain_timer_.cancel();
  std::exchange(done_, nullptr)();
}

}  // namespace postern::smtp
