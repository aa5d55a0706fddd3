// SPDX-License-Identifier: BSD-3-Clause
//
// The routes of the management API and what they do (dataplane/engine/api.h).
#include "dataplane/engine/api.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <stdexcept>

#include "dataplane/engine/metrics.h"
#include "dataplane/engine/owned_snapshot.h"
#include "dataplane/engine/request.h"
#include "rules/compile/account.h"

namespace postern {
namespace {

namespace json = boost::json;

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

int64_t unix_now() {
  using namespace std::chrono;
  return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

json::string_view view(std::string_view text) noexcept {
  return {text.data(), text.size()};
}

ApiAnswer answer_with(const json::object& object) {
  return {200, json::serialize(object) + '\n'};
}

// An error is one line, also where the exception brought more.
std::string_view first_line(std::string_view text) noexcept {
  return text.substr(0, text.find('\n'));
}

json::object port_object(const ps_counters& counters, size_t port) {
  json::object reasons;
  uint64_t passed = 0, stopped = 0;
  for (size_t reason = 0; reason < PS_REASON_COUNT; reason++) {
    const auto count = counters.packets[port][reason];
    (kReasonWords[reason].stops ? stopped : passed) += count;
    reasons.emplace(view(kReasonWords[reason].word), count);
  }
  return {{"received", passed + stopped},
          {"bytes", counters.bytes[port]},
          {"passed", passed},
          {"stopped", stopped},
          {"reasons", std::move(reasons)}};
}

json::object ports_object(const ps_counters& counters) {
  json::object ports;
  for (size_t port = 0; port < PS_PORT_COUNT; port++)
    ports.emplace(view(kPortWords[port]), port_object(counters, port));
  return ports;
}

}  // namespace

ApiAnswer api_error(unsigned status, std::string_view line) {
  return {status, json::serialize(json::object{{"error", view(first_line(line))}}) + '\n'};
}

Api::Api(Engine& engine)
    : engine_(engine), rules_(engine), started_(std::chrono::steady_clock::now()) {}

void Api::tick() {
  engine_.dynamic().sweep(monotonic_ns());
  engine_.rotate_cookies(unix_now());
  rules_.tick(unix_now());
}

ApiAnswer Api::handle(std::string_view method, std::string_view target, std::string_view body) {
  try {
    if (body.size() > kMaxBodyBytes) return api_error(413, "the body is over 64 KiB");
    const auto path = target.substr(0, target.find('?'));
    const auto query = target.substr(std::min(target.size(), path.size() + 1));
    return dispatch(method, path, query, body);
  } catch (const ApiRefusal& refusal) {
    return api_error(refusal.status, refusal.line);
  } catch (const std::exception& fault) {
    return api_error(500, fault.what());
  }
}

ApiAnswer Api::dispatch(std::string_view method, std::string_view path, std::string_view query,
                        std::string_view body) {
  std::string_view allowed;
  if (path == "/v1/health") {
    if (method == "GET") return health();
    allowed = "GET";
  } else if (path == "/v1/snapshot") {
    if (method == "PUT") return load_snapshot(body);
    allowed = "PUT";
  } else if (path == "/v1/snapshot/confirm") {
    if (method == "POST") return confirm_snapshot(body);
    allowed = "POST";
  } else if (path == "/v1/explain") {
    if (method == "GET") return explain(query);
    allowed = "GET";
  } else if (path == "/v1/counters") {
    if (method == "GET") return counters();
    allowed = "GET";
  } else if (path == "/v1/entries") {
    if (method == "GET") return list_entries();
    if (method == "POST") return add_entry(body);
    if (method == "DELETE") return remove_entry(body);
    allowed = "GET, POST, DELETE";
  } else if (path == "/metrics") {
    if (method == "GET") return metrics();
    allowed = "GET";
  } else {
    return api_error(404, "no such path");
  }
  auto refusal = api_error(405, "the methods here are: " + std::string(allowed));
  refusal.allow = allowed;
  return refusal;
}

ApiAnswer Api::health() {
  const auto snapshot = engine_.snapshot();
  const auto uptime =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - started_);
  const auto until = rules_.unconfirmed_until();
  return answer_with({{"engine", view(engine_.kind())},
                      {"topology", view(engine_.topology())},
                      {"version", POSTERN_VERSION},
                      {"generation", snapshot ? snapshot->generation() : 0},
                      {"snapshot", snapshot ? view(snapshot->name()) : ""},
                      {"created", snapshot ? snapshot->created() : 0},
                      {"unconfirmed_until", until ? json::value(*until) : json::value(nullptr)},
                      {"uptime", uptime.count()},
                      {"entries", engine_.dynamic().size()}});
}

ApiAnswer Api::load_snapshot(std::string_view body) {
  const auto request = read_snapshot_request(body);
  try {
    const auto snapshot = read_owned_snapshot(request.path);
    if (request.confirm_seconds)
      rules_.load_unconfirmed(snapshot, unix_now(), static_cast<int64_t>(*request.confirm_seconds));
    else
      rules_.load(snapshot, unix_now());
    return answer_with({{"generation", snapshot->generation()}});
  } catch (const std::runtime_error& refused) {  // BadInput and std::system_error are of this kind
    return api_error(422, refused.what());
  }
}

ApiAnswer Api::confirm_snapshot(std::string_view body) {
  const auto generation = read_confirmation(body);
  if (!rules_.confirm(generation))
    return api_error(404, "no rules of generation " + std::to_string(generation) +
                              " are waiting to be confirmed");
  return answer_with({{"generation", generation}});
}

ApiAnswer Api::explain(std::string_view query) {
  const auto request = read_explain_request(query);
  const auto snapshot = engine_.snapshot();
  if (!snapshot) return api_error(404, "there are no rules in force yet");
  return answer_with(account_of(*snapshot, request.address, request.to, unix_now()));
}

ApiAnswer Api::counters() {
  const auto pairs = engine_.pairs();
  const auto counters = sum_of(pairs);
  const auto snapshot = engine_.snapshot();
  json::object events;
  json::array each;
  for (const auto& pair : pairs)
    each.push_back(
        json::object{{"wan", pair.wan}, {"mx", pair.mx}, {"ports", ports_object(pair.counters)}});
  for (size_t event = 0; event < PS_EVENT_COUNT; event++)
    events.emplace(view(kEventWords[event].word), counters.events[event]);
  return answer_with({{"generation", snapshot ? snapshot->generation() : 0},
                      {"ports", ports_object(counters)},
                      {"pairs", std::move(each)},
                      {"events", std::move(events)}});
}

ApiAnswer Api::list_entries() {
  const auto now = monotonic_ns();
  json::array entries;
  for (const auto& entry : engine_.dynamic().list(now)) {
    const auto left = (entry.expires_ns - now + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond;
    entries.push_back(json::object{{"prefix", entry.prefix.to_string()},
                                   {"action", view(word(entry.action))},
                                   {"reason", entry.reason},
                                   {"seconds", left}});
  }
  return answer_with({{"entries", std::move(entries)},
                      {"capacity", engine_.dynamic().capacity()},
                      {"evicted", engine_.dynamic().evicted()}});
}

ApiAnswer Api::add_entry(std::string_view body) {
  const auto request = read_entry_request(body);
  const auto now = monotonic_ns();
  engine_.dynamic().add({request.prefix, request.action, request.reason,
                         now + request.seconds * kNanosecondsPerSecond},
                        now);
  return answer_with({{"prefix", request.prefix.to_string()}});
}

ApiAnswer Api::remove_entry(std::string_view body) {
  const auto prefix = read_removal_request(body);
  if (!engine_.dynamic().remove(prefix))
    return api_error(404, "no entry for " + prefix.to_string());
  return answer_with({{"removed", true}});
}

ApiAnswer Api::metrics() {
  return {200, prometheus_text(engine_), kMetricsContentType};
}

}  // namespace postern
