// SPDX-License-Identifier: BSD-3-Clause
//
// Samples in words (dataplane/engine/sample_json.h).
#include "dataplane/engine/sample_json.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string>
#include <string_view>

#include "dataplane/engine/frame_headers.h"
#include "dataplane/engine/metrics.h"
#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace json = boost::json;

std::string hex(std::span<const uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const auto byte : bytes) {
    text.push_back(kDigits[byte >> 4]);
    text.push_back(kDigits[byte & 15]);
  }
  return text;
}

template <typename Number>
json::value or_null(const std::optional<Number>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}
json::value or_null(const std::optional<IpAddress>& address) {
  return address ? json::value(address->to_string()) : json::value(nullptr);
}

// The outer tag's identifier and the inner one's, as a policy names them; null without tags.
json::value vlan_json(uint32_t vlan) {
  if (vlan == 0) return nullptr;
  const auto outer = vlan >> 16, inner = vlan & 0xffffu;
  auto text = std::to_string(outer);
  if (inner != 0) text += '.' + std::to_string(inner);
  return json::value(text);
}

// The lines that count, of the lists that the address is in.
json::array lists_json(const Snapshot& snapshot, const Explanation& explanation,
                       std::string_view of, int64_t now) {
  const auto counting = snapshot.sublists_of(explanation.address_class);
  json::array lists;
  for (const auto& entry : explanation.entries) {
    if (!entry.sublist || entry.note.excluded ||
        std::ranges::find(counting, *entry.sublist) == counting.end() ||
        !snapshot.sublists()[*entry.sublist].counts_at(now))
      continue;
    const auto& list = snapshot.lists().at(entry.list);
    lists.push_back(
        json::object{{"of", json::string_view(of.data(), of.size())},
                     {"list", json_text(list.name)},
                     {"file", json_text(list.file)},
                     {"line", entry.line},
                     {"category", json_text(snapshot.sublists()[*entry.sublist].category)}});
  }
  return lists;
}

json::value rule_json(const Snapshot& snapshot, const ConnectionRule* rule) {
  if (!rule) return nullptr;
  return json::object{{"rule", json_text(rule->text)},
                      {"file", json_text(snapshot.policy().file_of(rule->place))},
                      {"line", rule->place.line}};
}

// Whose lists stand behind what is decided: those of who is judged, and from the inside also the
// sender's, by which its rules were chosen.
json::array lists_json(const Snapshot& snapshot, const FrameHeaders& headers, ps_port port,
                       int64_t now) {
  auto lists = lists_json(snapshot, snapshot.explain(*headers.source, headers.destination, now),
                          "source", now);
  if (port == PS_PORT_WAN) return lists;
  for (auto& list :
       lists_json(snapshot, snapshot.explain(*headers.destination, headers.destination, now),
                  "destination", now))
    lists.push_back(std::move(list));
  return lists;
}

}  // namespace

json::object SampleJson::of(const FeedSample& sample) {
  const auto& decided = sample.sample;
  const auto headers = read_frame_headers(sample.bytes);
  const auto& reason = kReasonWords[decided.reason];
  json::object object{
      {"sequence", sample.sequence},
      {"time", sample.time_ns},
      {"port", json::string_view(kPortWords[decided.port].data(), kPortWords[decided.port].size())},
      {"reason", json::string_view(reason.word.data(), reason.word.size())},
      {"stopped", reason.stops},
      {"action", json_text(kActionWords[decided.action])},
      {"every", decided.every},
      {"length", decided.frame_bytes},
      {"vlan", vlan_json(headers.vlan)},
      {"source", or_null(headers.source)},
      {"source_port", or_null(headers.source_port)},
      {"destination", or_null(headers.destination)},
      {"destination_port", or_null(headers.destination_port)},
      {"protocol", or_null(headers.protocol)},
      {"tcp_flags", or_null(headers.tcp_flags)},
      {"lists", nullptr},
      {"rule", nullptr}};
  if (const auto snapshot = sample.snapshot.lock(); snapshot && headers.source) {
    const auto port = static_cast<ps_port>(decided.port);
    snapshot->index_entries();
    object["lists"] = lists_json(*snapshot, headers, port, now_);
    if (headers.destination_port) {
      auto& rules = rules_.try_emplace(snapshot, snapshot, now_).first->second;
      object["rule"] = rule_json(
          *snapshot, rules.rule_of({port, *headers.source, *headers.destination,
                                    *headers.destination_port, headers.vlan, decided.rule,
                                    reason.stops && decided.rule == 0 && decided.over_limit != 0}));
    }
  }
  if (bytes_ != SamplesRequest::Bytes::kNone) {
    const size_t wanted = bytes_ == SamplesRequest::Bytes::kHeaders ? headers.bytes : snap_;
    object["bytes"] = hex(std::span(sample.bytes).first(std::min(wanted, sample.bytes.size())));
  }
  return object;
}

}  // namespace postern
