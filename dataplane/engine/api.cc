// SPDX-License-Identifier: BSD-3-Clause
//
// The routes of the management API and what they do (dataplane/engine/api.h).
#include "dataplane/engine/api.h"

#include <spdlog/spdlog.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

#include "dataplane/engine/metrics.h"
#include "dataplane/engine/owned_snapshot.h"
#include "dataplane/engine/request.h"
#include "dataplane/engine/sample_json.h"
#include "rules/compile/account.h"
#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace json = boost::json;

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;
// An answer with samples or entries is not much larger than this, however slowly it is read.
constexpr size_t kMaxAnswerBytes = 1 << 20;
constexpr size_t kBytesOfASample = 700;  // without its frame, about
constexpr size_t kBytesOfAnEntry = 100;  // without its reason, about
// Of those that expire at once: others have the same thread, and readers look at the time anyway.
constexpr size_t kMostSwept = 20'000;
constexpr std::string_view kOnlyOperators = "only operators may change what this engine does";

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

// Per window: how far it reaches, attempts, and those that were stopped.
json::object windows_object(const CounterHistory& history, const AttemptCount& count) {
  const auto now = monotonic_ns();
  json::object windows;
  for (size_t i = 0; i < CounterHistory::kWindows.size(); i++) {
    const auto share = history.share(i, now, count);
    windows.emplace(view(CounterHistory::kWindows[i].name),
                    json::object{{"seconds", share.seconds},
                                 {"judged", share.count.attempts},
                                 {"stopped", share.count.stopped}});
  }
  return windows;
}

json::object entry_object(const DynamicEntry& entry, uint64_t now) {
  const auto left = (entry.expires_ns - now + kNanosecondsPerSecond - 1) / kNanosecondsPerSecond;
  return {{"prefix", entry.prefix.to_string()},
          {"action", view(word(entry.action))},
          {"reason", entry.reason},
          {"seconds", left},
          {"learned", entry.learned}};
}
json::value entry_or_null(const std::optional<DynamicEntry>& entry, uint64_t now) {
  if (!entry) return nullptr;
  return entry_object(*entry, now);
}

// A program wanted something else.
ApiAnswer decided(const Prefix& prefix) {
  return api_error(409, "somebody decided about " + prefix.to_string() + ", and that stays");
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

Api::Api(Engine& engine, const ApiSettings& settings)
    : engine_(engine),
      rules_(engine),
      feed_(engine, settings.samples_per_second, static_cast<uint64_t>(unix_now()) << 20),
      audit_(settings.audit, std::string(engine.kind())),
      started_(std::chrono::steady_clock::now()) {}

void Api::tick() {
  engine_.attend();
  engine_.dynamic().sweep(monotonic_ns(), kMostSwept);
  engine_.rotate_cookies(unix_now());
  history_.add(monotonic_ns(), attempts_of(engine_.counters()));
  remember_categories();
  const auto before = rules_object();
  if (rules_.tick(unix_now())) {
    try {
      audit_.record(this_engine(), "snapshot-rollback", before, rules_object());
    } catch (const ApiRefusal& refusal) {
      spdlog::error("event=audit-lost why=\"{}\"", refusal.line);
    }
  }
}

// Reading the cells of the largest matrices every second would be felt.
void Api::remember_categories() {
  constexpr size_t kManyCells = 1 << 16;
  constexpr unsigned kSeldom = 10;
  const auto snapshot = engine_.snapshot();
  if (!snapshot) return;
  const auto& header = snapshot->header();
  if (size_t{header.policy_count} * header.class_count > kManyCells && ticks_++ % kSeldom != 0)
    return;
  const auto& categories = engine_.rule_totals().categories;
  std::erase_if(categories_, [&](const auto& known) { return !categories.contains(known.first); });
  for (const auto& [name, count] : categories) categories_[name].add(monotonic_ns(), count);
}

void Api::tick_samples() {
  using namespace std::chrono;
  feed_.tick(monotonic_ns(),
             duration_cast<nanoseconds>(system_clock::now().time_since_epoch()).count());
}

ApiAnswer Api::handle(const Caller& caller, std::string_view method, std::string_view target,
                      std::string_view body, std::chrono::milliseconds waited) {
  const auto path = target.substr(0, target.find('?'));
  const auto query = target.substr(std::min(target.size(), path.size() + 1));
  try {
    if (body.size() > kMaxBodyBytes) return api_error(413, "the body is over 64 KiB");
    return dispatch({caller, method, path, query, body, waited});
  } catch (const ApiRefusal& refusal) {
    return api_error(refusal.status, refusal.line);
  } catch (const std::exception& fault) {
    return api_error(500, fault.what());
  }
}

ApiAnswer Api::refuse(const Caller& caller, std::string_view request, std::string_view what) {
  audit_.refused(caller, request);
  return api_error(403, std::string(what) + "; " +
                            (caller.name.empty() ? "this caller" : caller.name) + " is " +
                            (caller.role == Role::kReader ? "a reader" : "neither"));
}

ApiAnswer Api::unknown(const Caller& caller) {
  return refuse(caller, "connect", "only operators and readers of this engine may ask it anything");
}

ApiAnswer Api::dispatch(const Request& request) {
  const auto& [caller, method, path, query, body, waited] = request;
  if (caller.role == Role::kNobody) return unknown(caller);
  std::string_view allowed;
  if (path == "/v1/health") {
    if (method == "GET") return health();
    allowed = "GET";
  } else if (path == "/v1/snapshot") {
    if (method == "PUT") return load_snapshot(request);
    allowed = "PUT";
  } else if (path == "/v1/snapshot/confirm") {
    if (method == "POST") return confirm_snapshot(request);
    allowed = "POST";
  } else if (path == "/v1/explain") {
    if (method == "GET") return explain(query);
    allowed = "GET";
  } else if (path == "/v1/counters") {
    if (method == "GET") return counters();
    allowed = "GET";
  } else if (path == "/v1/rules") {
    if (method == "GET") return rule_counts();
    allowed = "GET";
  } else if (path == "/v1/samples") {
    if (method == "GET") return samples(request);
    allowed = "GET";
  } else if (path == "/v1/entries") {
    if (method == "GET") return list_entries(query);
    if (method == "POST") return add_entry(request);
    if (method == "DELETE") return remove_entry(request);
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

json::object Api::rules_object() const {
  const auto snapshot = engine_.snapshot();
  const auto until = rules_.unconfirmed_until();
  return {{"generation", snapshot ? snapshot->generation() : 0},
          {"snapshot", snapshot ? json_text(snapshot->name()) : std::string()},
          {"unconfirmed_until", until ? json::value(*until) : json::value(nullptr)}};
}

template <typename Do>
ApiAnswer Api::change(const Caller& caller, std::string_view what, json::value before,
                      json::value after, const Do& make) {
  const auto number = audit_.record(caller, what, std::move(before), std::move(after));
  try {
    return make();
  } catch (const std::exception& fault) {
    audit_.failed(number, fault.what());
    throw;
  }
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

ApiAnswer Api::load_snapshot(const Request& request) {
  if (request.caller.role != Role::kOperator)
    return refuse(request.caller, "PUT /v1/snapshot", kOnlyOperators);
  const auto wanted = read_snapshot_request(request.body);
  try {
    const auto snapshot = read_owned_snapshot(wanted.path);
    const auto now = unix_now();
    json::object after{{"generation", snapshot->generation()},
                       {"snapshot", json_text(snapshot->name())},
                       {"unconfirmed_until", nullptr}};
    if (wanted.confirm_seconds)
      after["unconfirmed_until"] = now + static_cast<int64_t>(*wanted.confirm_seconds);
    return change(request.caller, "snapshot-load", rules_object(), std::move(after), [&] {
      if (wanted.confirm_seconds)
        rules_.load_unconfirmed(snapshot, now, static_cast<int64_t>(*wanted.confirm_seconds));
      else
        rules_.load(snapshot, now);
      return answer_with({{"generation", snapshot->generation()}});
    });
  } catch (const std::runtime_error& refused) {  // BadInput and std::system_error are of this kind
    return api_error(422, refused.what());
  }
}

ApiAnswer Api::confirm_snapshot(const Request& request) {
  if (request.caller.role != Role::kOperator)
    return refuse(request.caller, "POST /v1/snapshot/confirm", kOnlyOperators);
  const auto generation = read_confirmation(request.body);
  const auto snapshot = engine_.snapshot();
  if (!rules_.unconfirmed_until() || snapshot->generation() != generation)
    return api_error(404, "no rules of generation " + std::to_string(generation) +
                              " are waiting to be confirmed");
  auto after = rules_object();
  after["unconfirmed_until"] = nullptr;
  return change(request.caller, "snapshot-confirm", rules_object(), std::move(after), [&] {
    rules_.confirm(generation);
    return answer_with({{"generation", generation}});
  });
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
                      {"events", std::move(events)},
                      {"attempts", windows_object(history_, attempts_of(counters))}});
}

ApiAnswer Api::rule_counts() {
  const auto& totals = engine_.rule_totals();
  const auto snapshot = engine_.snapshot();
  json::array lists, categories, rules, signatures;
  for (const auto& [name, list] : totals.lists)
    lists.push_back(json::object{{"list", json_text(name)},
                                 {"category", json_text(list.category)},
                                 {"attempts", list.count.attempts},
                                 {"stopped", list.count.stopped}});
  for (const auto& [name, count] : totals.categories)
    categories.push_back(json::object{{"category", json_text(name)},
                                      {"attempts", count.attempts},
                                      {"stopped", count.stopped},
                                      {"windows", windows_object(categories_[name], count)}});
  for (const auto& [rule, count] : totals.rules)
    rules.push_back(json::object{{"file", json_text(rule.file)},
                                 {"line", rule.line},
                                 {"rule", json_text(rule.rule)},
                                 {"observed", count.observed},
                                 {"attempts", count.attempts}});
  for (const auto& [name, hits] : totals.signatures)
    signatures.push_back(json::object{{"signature", json_text(name)}, {"hits", hits}});
  return answer_with({{"generation", snapshot ? snapshot->generation() : 0},
                      {"lists", std::move(lists)},
                      {"categories", std::move(categories)},
                      {"rules", std::move(rules)},
                      {"signatures", std::move(signatures)}});
}

ApiAnswer Api::samples(const Request& asked) {
  const auto request = read_samples_request(asked.query);
  if (request.bytes == SamplesRequest::Bytes::kAll && asked.caller.role != Role::kOperator)
    return refuse(asked.caller, "see whole packets",
                  "only operators may see more of a packet than its headers");
  if (feed_.per_second() == 0)
    return api_error(422, "this engine takes no samples: it was started with --samples 0");
  if (!feed_.wish(request.wish, monotonic_ns()))
    return api_error(503, "too many different wishes for samples; try again in some seconds");
  auto batch = feed_.read(request.wish, request.after, request.limit);
  if (batch.samples.empty() && batch.lost == 0 && request.after && asked.waited < request.wait) {
    ApiAnswer pending;
    pending.pending = true;
    return pending;
  }
  SampleJson words(request.bytes, request.wish.snap, unix_now());
  json::array samples;
  size_t bytes = 0;
  for (const auto* sample : batch.samples) {
    samples.push_back(words.of(*sample));
    bytes += kBytesOfASample;
    if (const auto* frame = samples.back().as_object().if_contains("bytes"))
      bytes += frame->as_string().size();
    if (bytes < kMaxAnswerBytes) continue;
    batch.next = sample->sequence;  // the rest is for the next time
    break;
  }
  return answer_with({{"next", batch.next},
                      {"lost", batch.lost},
                      {"overrun", engine_.counters().events[PS_EVENT_SAMPLE_LOST]},
                      {"every", feed_.sampling().every},
                      {"samples", std::move(samples)}});
}

ApiAnswer Api::list_entries(std::string_view query) {
  auto request = read_entries_request(query);
  const auto now = monotonic_ns();
  json::array entries;
  json::value next = nullptr;  // where the rest begins; null: there is none
  if (request.address) {
    for (const auto& entry : engine_.dynamic().covering(*request.address, now))
      entries.push_back(entry_object(entry, now));
  } else {
    for (size_t bytes = 0;;) {
      const auto entry = engine_.dynamic().next(request.after, now);
      if (!entry) break;
      if (entries.size() == request.limit || bytes >= kMaxAnswerBytes) {
        next = request.after->to_string();
        break;
      }
      entries.push_back(entry_object(*entry, now));
      bytes += kBytesOfAnEntry + entry->reason.size();
      request.after = entry->prefix;
    }
  }
  return answer_with({{"entries", std::move(entries)},
                      {"next", std::move(next)},
                      {"capacity", engine_.dynamic().capacity()},
                      {"evicted", engine_.dynamic().evicted()}});
}

ApiAnswer Api::add_entry(const Request& request) {
  if (request.caller.role != Role::kOperator)
    return refuse(request.caller, "POST /v1/entries", kOnlyOperators);
  const auto wanted = read_entry_request(request.body);
  const auto now = monotonic_ns();
  const DynamicEntry entry{wanted.prefix, wanted.action, wanted.reason,
                           now + wanted.seconds * kNanosecondsPerSecond, wanted.learned};
  const auto there = engine_.dynamic().find(wanted.prefix, now);
  if (there && wanted.learned && !there->learned) return decided(wanted.prefix);
  return change(request.caller, "entry-add", entry_or_null(there, now), entry_object(entry, now),
                [&] {
                  engine_.dynamic().add(entry, now);
                  return answer_with({{"prefix", wanted.prefix.to_string()}});
                });
}

ApiAnswer Api::remove_entry(const Request& request) {
  if (request.caller.role != Role::kOperator)
    return refuse(request.caller, "DELETE /v1/entries", kOnlyOperators);
  const auto [prefix, learned] = read_removal_request(request.body);
  const auto now = monotonic_ns();
  const auto entry = engine_.dynamic().find(prefix, now);
  if (!entry) return api_error(404, "no entry for " + prefix.to_string());
  if (learned && !entry->learned) return decided(prefix);
  return change(request.caller, "entry-remove", entry_object(*entry, now), nullptr, [&] {
    engine_.dynamic().remove(entry->prefix);
    return answer_with({{"removed", true}});
  });
}

ApiAnswer Api::metrics() {
  return {200, prometheus_text(engine_, history_), kMetricsContentType};
}

}  // namespace postern
