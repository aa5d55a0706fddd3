// SPDX-License-Identifier: BSD-3-Clause
//
// The management API from JSON to values; see engine_api.h. What an engine answers is checked like
// any other input: a member that is missing or of another type is an EngineError.
#include "control/cli/engine_api.h"

#include <charconv>

#include "control/cli/printable.h"

namespace postern::cli {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};
// A snapshot is read, verified and put into force before the engine answers.
constexpr std::chrono::milliseconds kLoadPatience{120'000};

web::EngineCredentials& shown_credentials() {
  static web::EngineCredentials credentials;
  return credentials;
}

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
  bool flag(const char* name) const {
    const auto* flag = member(name).if_bool();
    if (!flag) fail(name);
    return *flag;
  }
  std::optional<uint16_t> optional_port(const char* name) const {
    if (is_null(name)) return std::nullopt;
    const auto port = number(name);
    if (port > UINT16_MAX) fail(name);
    return static_cast<uint16_t>(port);
  }
  std::optional<IpAddress> optional_address(const char* name) const {
    if (is_null(name)) return std::nullopt;
    const auto address = IpAddress::parse(text(name));
    if (!address) fail(name);
    return address;
  }
  Prefix prefix(const char* name) const {
    const auto prefix = Prefix::parse(text(name), Prefix::HostBits::kRefuse);
    if (!prefix) fail(name);
    return *prefix;
  }
  std::optional<Prefix> optional_prefix(const char* name) const {
    if (is_null(name)) return std::nullopt;
    return prefix(name);
  }
  // Bytes in hexadecimal; none where there is no such member.
  std::vector<uint8_t> bytes(const char* name) const {
    std::vector<uint8_t> bytes;
    if (!object_->contains(name)) return bytes;
    const auto hex = text(name);
    if (hex.size() % 2 != 0) fail(name);
    for (size_t i = 0; i < hex.size(); i += 2) {
      uint8_t byte = 0;
      const auto [end, error] = std::from_chars(&hex[i], &hex[i] + 2, byte, 16);
      if (error != std::errc() || end != &hex[i] + 2) fail(name);
      bytes.push_back(byte);
    }
    return bytes;
  }
  const boost::json::object& document() const noexcept { return *object_; }
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

std::vector<AttemptWindow> windows_in(const AnswerReader& windows, const std::string& socket) {
  std::vector<AttemptWindow> all;
  for (const auto& [name, value] : windows.document()) {
    const AnswerReader window(socket, value);
    all.push_back({std::string(name), window.number("seconds"), window.number("judged"),
                   window.number("stopped")});
  }
  return all;
}

PortCounters port_counters(const AnswerReader& port) {
  return {port.number("received"), port.number("bytes"), port.number("passed"),
          port.number("stopped"), port.object("reasons").numbers()};
}

EngineSample engine_sample(const std::string& socket, const AnswerReader& answer) {
  EngineSample sample;
  sample.time_ns = static_cast<int64_t>(answer.number("time"));
  sample.port = answer.text("port");
  sample.reason = answer.text("reason");
  sample.action = answer.text("action");
  sample.stopped = answer.flag("stopped");
  sample.every = answer.number("every");
  sample.length = answer.number("length");
  if (!answer.is_null("vlan")) sample.vlan = answer.text("vlan");
  sample.source = answer.optional_address("source");
  sample.source_port = answer.optional_port("source_port");
  sample.destination = answer.optional_address("destination");
  sample.destination_port = answer.optional_port("destination_port");
  if (!answer.is_null("lists"))
    for (const auto& value : answer.array("lists")) {
      const AnswerReader line(socket, value);
      sample.lists.push_back(
          {line.text("list"), line.text("file"), line.text("category"), line.number("line")});
    }
  if (!answer.is_null("rule")) {
    const auto rule = answer.object("rule");
    sample.rule = rule.text("rule");
    sample.rule_place = rule.text("file") + ":" + std::to_string(rule.number("line"));
  }
  sample.bytes = answer.bytes("bytes");
  sample.document = answer.document();
  return sample;
}

}  // namespace

boost::json::object to_json(const EngineEntry& entry) {
  return {{"prefix", entry.prefix.to_string()},
          {"action", json_text(entry.action)},
          {"reason", json_text(entry.reason)},
          {"seconds", entry.seconds}};
}

EngineApi::EngineApi(std::string engine) : client_(std::move(engine), shown_credentials()) {}

void EngineApi::use(web::EngineCredentials credentials) {
  shown_credentials() = std::move(credentials);
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
      port_counters(ports.object("wan")), port_counters(ports.object("mx")), {}, {}};
  if (answer.has("pairs"))
    for (const auto& value : answer.array("pairs")) {
      const AnswerReader pair(socket(), value);
      const auto both = pair.object("ports");
      counters.pairs.push_back({pair.text("wan"), pair.text("mx"),
                                port_counters(both.object("wan")),
                                port_counters(both.object("mx"))});
    }
  if (answer.has("attempts")) counters.attempts = windows_in(answer.object("attempts"), socket());
  return counters;
}

EngineRules EngineApi::rules() {
  const auto reply = call("GET", "/v1/rules", nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  EngineRules rules;
  for (const auto& value : answer.array("lists")) {
    const AnswerReader list(socket(), value);
    rules.lists.push_back({list.text("list"), list.text("category"), list.number("attempts"),
                           list.number("stopped")});
  }
  for (const auto& value : answer.array("categories")) {
    const AnswerReader category(socket(), value);
    rules.categories.push_back({category.text("category"), category.text("category"),
                                category.number("attempts"), category.number("stopped"),
                                windows_in(category.object("windows"), socket())});
  }
  for (const auto& value : answer.array("rules")) {
    const AnswerReader rule(socket(), value);
    rules.rules.push_back({rule.text("file"), rule.text("rule"), rule.number("line"),
                           rule.number("attempts"), rule.flag("observed")});
  }
  for (const auto& value : answer.array("signatures")) {
    const AnswerReader signature(socket(), value);
    rules.signatures.emplace_back(signature.text("signature"), signature.number("hits"));
  }
  return rules;
}

// Of one answer; where the next page begins after it.
std::optional<Prefix> EngineApi::read_entries(const std::string& target, EngineEntries& entries) {
  const auto reply = call("GET", target.c_str(), nullptr, kPatience);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  entries.capacity = answer.number("capacity");
  entries.evicted = answer.number("evicted");
  for (const auto& value : answer.array("entries")) {
    const AnswerReader entry(socket(), value);
    entries.entries.push_back({entry.prefix("prefix"), entry.text("action"), entry.text("reason"),
                               static_cast<int64_t>(entry.number("seconds"))});
  }
  return answer.optional_prefix("next");
}

EngineEntries EngineApi::entries() {
  EngineEntries entries;
  for (std::optional<Prefix> after;;) {
    const auto next =
        read_entries("/v1/entries" + (after ? "?after=" + after->to_string() : ""), entries);
    if (!next) return entries;
    if (after && *next <= *after)
      throw EngineError(socket(), "the pages of its entries come to no end");
    after = next;
  }
}

std::vector<EngineEntry> EngineApi::entries_for(const IpAddress& address) {
  EngineEntries entries;
  read_entries("/v1/entries?address=" + address.to_string(), entries);
  return std::move(entries.entries);
}

SampleBatch EngineApi::samples(const std::string& target, std::chrono::milliseconds wait) {
  const auto reply = call("GET", target.c_str(), nullptr, kPatience + wait);
  if (!reply.ok()) throw EngineError(socket(), reply.error);
  const AnswerReader answer(socket(), reply.body);
  SampleBatch batch{answer.number("next"), answer.number("lost"), answer.number("overrun"), {}};
  for (const auto& value : answer.array("samples"))
    batch.samples.push_back(engine_sample(socket(), AnswerReader(socket(), value)));
  return batch;
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
