// SPDX-License-Identifier: BSD-3-Clause
//
// Times are Unix seconds; what is not known is null.
#include "control/config/status_service.h"

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <ctime>
#include <string_view>
#include <utility>

namespace postern::config {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace json = boost::json;
using boost::system::error_code;

constexpr std::chrono::seconds kTime{5};
constexpr size_t kMostConnections = 8;
constexpr uint32_t kMostHeader = 8192;

std::string_view word(smtp::FarmPool::Health health) {
  switch (health) {
    case smtp::FarmPool::Health::kLive:
      return "up";
    case smtp::FarmPool::Health::kDown:
      return "down";
    case smtp::FarmPool::Health::kUnknown:
      break;
  }
  return "unknown";
}

json::value or_null(int64_t time) {
  return time == 0 ? json::value(nullptr) : json::value(time);
}

// Errors are texts of servers: what is no UTF-8 would be no JSON.
json::value text_or_null(std::string text) {
  if (text.empty()) return nullptr;
  for (char& c : text)
    if (c < ' ' || c > '~') c = '?';
  return json::value(text);
}

json::array backends_of(const smtp::Farm& farm) {
  json::array all;
  for (const auto& state : farm.states())
    all.push_back(
        {{"backend", state.backend.place()},
         {"backup", state.backend.backup},
         {"state", word(state.health)},
         {"since", or_null(state.since)},
         {"connections", state.open},
         {"idle", state.idle},
         {"max", state.backend.max == 0 ? json::value(nullptr) : json::value(state.backend.max)},
         {"error", text_or_null(state.error)},
         {"failed", or_null(state.failed)}});
  return all;
}

json::array engines_of(const learning::LearningService& learning) {
  json::array all;
  for (const auto& state : learning.engines())
    all.push_back({{"engine", text_or_null(state.engine)},
                   {"state", !state.reached   ? "unknown"
                             : *state.reached ? "reached"
                                              : "unreached"},
                   {"since", or_null(state.since)},
                   {"waiting", state.waiting},
                   {"error", text_or_null(state.error)},
                   {"failed", or_null(state.failed)}});
  return all;
}

http::response<http::string_body> response_to(const http::request<http::string_body>& request,
                                              const std::function<json::object()>& describe) {
  http::response<http::string_body> response(http::status::ok, 11);
  json::object body;
  if (request.target() != "/v1/status") {
    response.result(http::status::not_found);
    body["error"] = "there is /v1/status, and nothing else";
  } else if (request.method() != http::verb::get) {
    response.result(http::status::method_not_allowed);
    response.set(http::field::allow, "GET");
    body["error"] = "it can be looked at (GET)";
  } else {
    body = describe();
  }
  response.set(http::field::content_type, "application/json");
  response.keep_alive(false);
  response.body() = json::serialize(body) + '\n';
  response.prepare_payload();
  return response;
}

}  // namespace

json::object status_of(const WorkerStatus& status) {
  json::object all{{"worker", status.number},
                   {"workers", status.workers},
                   {"version", POSTERN_VERSION},
                   {"time", std::time(nullptr)},
                   {"started", status.started},
                   {"generation", status.judging.policy->snapshot().generation()},
                   {"sessions", status.sessions},
                   {"max_sessions", status.options.proxy.max_sessions},
                   {"outbound_sessions", status.outbound.sessions()},
                   {"milter_sessions", status.milter_sessions},
                   {"overload", smtp::word(status.overload.state())},
                   {"farm", backends_of(status.farm)}};
  const auto* smarthosts = status.outbound.farm();
  all["smarthosts"] = smarthosts == nullptr ? json::array{} : backends_of(*smarthosts);
  all["engines"] = engines_of(status.learning);
  return all;
}

void StatusService::add(listen::ListeningSocket socket) {
  doors_.emplace_back(loop_, std::move(socket),
                      [this](auto accepted) { return answer(std::move(accepted)); });
}

void StatusService::start() {
  for (auto& door : doors_) door.start();
}

void StatusService::stop(std::function<void()> ended) {
  for (auto& door : doors_) door.stop();
  ended_ = std::move(ended);
  leave();
}

void StatusService::leave() {
  if (connections_ == 0 && ended_) std::exchange(ended_, nullptr)();
}

asio::awaitable<void> StatusService::answer(asio::generic::stream_protocol::socket socket) {
  if (connections_ >= kMostConnections) co_return;
  struct Count {
    explicit Count(StatusService& of) : service(of) { service.connections_++; }
    ~Count() {
      service.connections_--;
      service.leave();
    }
    Count(const Count&) = delete;
    Count& operator=(const Count&) = delete;
    StatusService& service;
  } counted(*this);
  beast::basic_stream<asio::local::stream_protocol> stream(asio::local::stream_protocol::socket(
      loop_, asio::local::stream_protocol(), socket.release()));
  stream.expires_after(kTime);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  beast::flat_buffer buffer;
  http::request_parser<http::string_body> parser;
  parser.header_limit(kMostHeader);
  parser.body_limit(kMostHeader);
  co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return;
  const auto response = response_to(parser.get(), describe_);
  co_await http::async_write(stream, response, token);
}

}  // namespace postern::config
