// SPDX-License-Identifier: BSD-3-Clause
//
// The management API from JSON to values; see engine_api.h. What an engine answers is checked like
// any other input: a member that is missing or of another type is an EngineError.
#include "control/cli/engine_api.h"

#include "control/cli/printable.h"

namespace postern::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};
// A snapshot is read, verified and put into force before the engine answers.
constexpr std::chrono::milliseconds kLoadPatience{120'000};

class AnswerReader {
 public:
  AnswerReader(const std::string& socket, const boost::json::value& answer)
      : socket_(socket), object_(answer.if_object()) {
    if (!object_) throw EngineError(socket_, "the answer is no JSON object");
  }

  std::string text(const char* name) const {
    const auto* string = member(name).if_string();
    if (!string) fail(name);
    return std::string(*string);
  }
  uint64_t number(const char* name) const { return number_of(name, member(name)); }
  const boost::json::array& array(const char* name) const {
    const auto* array = member(name).if_array();
    if (!array) fail(name);
    return *array;
  }
  bool has(const char* name) const { return object_->contains(name); }
  bool is_null(const char* name) const { return member(name).is_null(); }
  AnswerReader object(const char* name) const { return {socket_, member(name)}; }
  std::vector<std::pair<std::string, uint64_t>> numbers() const {
    std::vector<std::pair<std::string, uint64_t>> numbers;
    for (const auto& [name, value] : *object_)
      numbers.emplace_back(name, number_of(std::string(name).c_str(), value));
    return numbers;
  }

 private:
  const boost::json::value& member(const char* name) const {
    const auto* value = object_->if_contains(name);
    if (!value) fail(name);
    return *value;
  }
  uint64_t number_of(const char* name, const boost::json::value& value) const {
    boost::json::error_code error;
    const auto number = value.to_number<uint64_t>(error);
    if (error) fail(name);
    return number;
  }
  [[noreturn]] void fail(const char* name) const {
    throw EngineError(socket_, "the answer lacks a sound \"" + std::string(name) + "\"");
  }

  const std::string& socket_;
  const boost::json::object* object_;
};

PortCounters port_counters(const AnswerReader& port) {
  return {port.number("received"), port.number("bytes"), port.number("passed"),
          port.number("stopped"), port.object("reasons").numbers()};
}

}  // namespace

boost::json::object to_json(const EngineEntry& entry) {
  return {{"prefix", entry.prefix.to_string()},
          {"action", json_text(entry.action)},
          {"reason", json_text(entry.reason)},
          {"seconds", entry.seconds}};
}

web::ApiReply EngineApi::call(const char* method, const char* target, boost::json::value body,
                              std::chrono::milliseconds timeout) {
  auto reply = client_.call_blocking(method, target, std::move(body), timeout);
  if (reply.status == 0) throw EngineError(socket(), "cannot be reached: " + reply.error);
  return reply;
}

EngineHealth EngineApi::health() {
  const auto reply = call("GET", "/v1/health", nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  EngineHealth health;
  health.engine = answer.text("engine");
  health.topology = answer.text("topology");
  health.generation = answer.number("generation");
  health.uptime = answer.number("uptime");
  health.entries = answer.number("entries");
  if (health.generation > 0) {
    health.snapshot = answer.text("snapshot");
    health.created = static_cast<int64_t>(answer.number("created"));
    if (!answer.is_null("unconfirmed_until"))
      health.unconfirmed_until = static_cast<int64_t>(answer.number("unconfirmed_until"));
  }
  return health;
}

EngineCounters EngineApi::counters() {
  const auto reply = call("GET", "/v1/counters", nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  const auto ports = answer.object("ports");
  EngineCounters counters{
      port_counters(ports.object("wan")), port_counters(ports.object("mx")), {}};
  if (!answer.has("pairs")) return counters;
  for (const auto& value : answer.array("pairs")) {
    const AnswerReader pair(socket(), value);
    const auto both = pair.object("ports");
    counters.pairs.push_back({pair.text("wan"), pair.text("mx"), port_counters(both.object("wan")),
                              port_counters(both.object("mx"))});
  }
  return counters;
}

EngineEntries EngineApi::entries() {
  const auto reply = call("GET", "/v1/entries", nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  EngineEntries entries;
  entries.capacity = answer.number("capacity");
  entries.evicted = answer.number("evicted");
  for (const auto& value : answer.array("entries")) {
    const AnswerReader entry(socket(), value);
    const auto prefix = Prefix::parse(entry.text("prefix"), Prefix::HostBits::kRefuse);
    if (!prefix) throw EngineError(socket(), "the answer lacks a sound \"prefix\"");
    entries.entries.push_back({*prefix, entry.text("action"), entry.text("reason"),
                               static_cast<int64_t>(entry.number("seconds"))});
  }
  return entries;
}

boost::json::object EngineApi::explain(const IpAddress& address,
                                       const std::optional<IpAddress>& to) {
  auto target = "/v1/explain?address=" + address.to_string();
  if (to) target += "&to=" + to->to_string();
  auto reply = call("GET", target.c_str(), nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  if (!reply.body.is_object()) throw EngineError(socket(), "the answer is no account");
  return std::move(reply.body.get_object());
}

void EngineApi::add(const Prefix& prefix, const std::string& action, const std::string& reason,
                    std::chrono::seconds lifetime) {
  const auto reply = call("POST", "/v1/entries",
                          boost::json::object{{"prefix", prefix.to_string()},
                                              {"action", action},
                                              {"reason", json_text(reason)},
                                              {"seconds", lifetime.count()}},
                          kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
}

bool EngineApi::remove(const Prefix& prefix) {
  const auto reply =
      call("DELETE", "/v1/entries", boost::json::object{{"prefix", prefix.to_string()}}, kPatience);
  if (reply.status == 404) return false;
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  return true;
}

uint64_t EngineApi::load(const std::string& path,
                         std::optional<std::chrono::seconds> confirm_within) {
  boost::json::object request{{"path", path}};
  if (confirm_within) request["confirm_seconds"] = confirm_within->count();
  const auto reply = call("PUT", "/v1/snapshot", std::move(request), kLoadPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  return AnswerReader(socket(), reply.body).number("generation");
}

bool EngineApi::confirm(uint64_t generation) {
  const auto reply = call("POST", "/v1/snapshot/confirm",
                          boost::json::object{{"generation", generation}}, kPatience);
  if (reply.status == 404) return false;
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  return true;
}

std::vector<std::string> require_engines(const Invocation& invocation) {
  auto sockets = invocation.engine_sockets();
  if (!sockets.empty()) return sockets;
  std::string looked_for;
  for (const auto path : kDefaultEngines)
    looked_for += (looked_for.empty() ? "" : " nor ") + std::string(path);
  throw std::runtime_error("no engine is running: there is neither " + looked_for);
}

}  // namespace postern::cli
