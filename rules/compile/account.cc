// SPDX-License-Identifier: BSD-3-Clause
//
// Gathering what there is to say of an address (rules/compile/account.h).
#include "rules/compile/account.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/compile/alternatives.h"
#include "rules/compile/refusal_texts.h"
#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace json = boost::json;

std::string_view action_word(const ps_verdict& verdict) {
  return word(static_cast<Action>(verdict.action));
}

struct Findings {
  const Snapshot& snapshot;
  IpAddress address;
  Explanation explanation;
  std::vector<std::vector<Alternative>> alternatives;  // per service of the explanation
  std::vector<const ConnectionRule*> limit_rules;      // likewise; nullptr where there is none
  int64_t now;

  const Policy& policy() const { return snapshot.policy(); }
  const ListFacts& list_of(const Provenance& entry) const {
    return snapshot.lists().at(entry.list);
  }
  const SubList* sublist_of(const Provenance& entry) const {
    return entry.sublist ? &snapshot.sublists().at(*entry.sublist) : nullptr;
  }
};

// Whether an entry counts, and if not, why.
std::string standing(const Findings& findings, const Provenance& entry) {
  const auto* sublist = findings.sublist_of(entry);
  if (entry.note.excluded) return "excluded";
  if (!sublist) return "ignored by a map";
  if (!sublist->counts_at(findings.now)) return "expired";
  // In the list, unless an exclusion or a stronger entry of the list takes it away.
  const auto sublists = findings.snapshot.sublists_of(findings.explanation.address_class);
  return std::ranges::find(sublists, *entry.sublist) == sublists.end() ? "overruled" : "counts";
}

json::object entry_json(const Findings& findings, const Provenance& entry) {
  const auto& list = findings.list_of(entry);
  const auto* sublist = findings.sublist_of(entry);
  json::object object{{"list", json_text(list.name)},
                      {"file", json_text(list.file)},
                      {"line", entry.line},
                      {"range", entry.range.to_string()},
                      {"standing", standing(findings, entry)},
                      {"category", json_text(sublist ? sublist->category : list.category)},
                      {"weight", sublist ? sublist->weight : 0},
                      {"value", nullptr},
                      {"text", json_text(entry.note.text)},
                      {"contact", json_text(list.contact)},
                      {"modified", list.modified_at},
                      {"expires", nullptr},
                      {"expired", list.expired},
                      {"kept_previous", list.kept_previous}};
  if (!entry.note.word.empty())
    object["value"] = json_text(entry.note.word);
  else if (entry.note.number)
    object["value"] = *entry.note.number;
  if (sublist && sublist->expires_at != kNeverExpires) object["expires"] = sublist->expires_at;
  return object;
}

json::object rule_json(const Findings& findings, const ConnectionRule& rule) {
  return {{"rule", json_text(rule.text)},
          {"file", json_text(findings.policy().file_of(rule.place))},
          {"line", rule.place.line}};
}

json::array alternatives_json(const Findings& findings,
                              const std::vector<Alternative>& alternatives) {
  json::array array;
  for (const auto& one : alternatives) {
    json::array without;
    for (const size_t list : one.without_lists)
      without.push_back(json::string(json_text("list " + findings.snapshot.lists()[list].name)));
    if (without.empty()) without.push_back("protect");
    array.push_back(
        json::object{{"without", std::move(without)}, {"verdict", action_word(one.verdict)}});
  }
  return array;
}

// null: in all frames.
json::value vlan_json(const VlanRange& vlan) {
  if (vlan.is_any()) return nullptr;
  return json::value(vlan.to_string());
}

json::object to_json(const Findings& findings) {
  const auto& explanation = findings.explanation;
  json::array lists, services;
  for (const auto& entry : explanation.entries) lists.push_back(entry_json(findings, entry));
  for (size_t i = 0; i < explanation.services.size(); i++) {
    const auto& service = explanation.services[i];
    json::object object{
        {"service", json_text(service.service)},
        {"vlan", vlan_json(findings.policy().services[service.number].vlan)},
        {"verdict", action_word(service.verdict)},
        {"reason", word(static_cast<Reason>(service.verdict.reason))},
        {"explanation", describe(static_cast<Reason>(service.verdict.reason)).explanation},
        {"final", (service.verdict.flags & PS_VERDICT_FINAL) != 0},
        {"rule", nullptr},
        {"file", nullptr},
        {"line", nullptr},
        {"observed", nullptr},
        {"limited", service.verdict.limit != 0},
        {"limit", nullptr},
        {"told", nullptr},
        {"changes", alternatives_json(findings, findings.alternatives[i])}};
    if (service.rule)
      for (auto& member : rule_json(findings, *service.rule)) object[member.key()] = member.value();
    if (service.verdict.action == PS_ACTION_REFUSE)
      object["told"] = json_text(
          refusal_line(findings.snapshot, service.verdict.text & 0x3fffu, findings.address));
    if (service.observed_rule) object["observed"] = rule_json(findings, *service.observed_rule);
    if (const auto* rule = findings.limit_rules[i]) object["limit"] = rule_json(findings, *rule);
    services.push_back(std::move(object));
  }
  json::object object{{"address", findings.address.to_string()},
                      {"class", explanation.address_class},
                      {"policy", json_text(findings.policy().file())},
                      {"generation", findings.snapshot.generation()},
                      {"created", findings.snapshot.created()},
                      {"protected", explanation.is_protected},
                      {"protect_file", nullptr},
                      {"protect_line", nullptr},
                      {"lists", std::move(lists)},
                      {"services", std::move(services)}};
  if (explanation.is_protected && explanation.protect_place) {
    object["protect_file"] = json_text(findings.policy().file_of(*explanation.protect_place));
    object["protect_line"] = explanation.protect_place->line;
  }
  return object;
}

}  // namespace

json::object account_of(const Snapshot& snapshot, const IpAddress& source,
                        const std::optional<IpAddress>& to, int64_t now) {
  Findings findings{.snapshot = snapshot,
                    .address = source,
                    .explanation = snapshot.explain(source, to, now),
                    .alternatives = {},
                    .limit_rules = {},
                    .now = now};
  for (auto& service : findings.explanation.services) {
    const auto address_class = findings.explanation.address_class;
    service.verdict = verdict_at(snapshot, service.number, address_class, now);
    service.rule = snapshot.rule_of(service.number, service.verdict.rule);
    service.observed_rule = snapshot.rule_of(service.number, service.verdict.observed_rule);
    findings.alternatives.push_back(alternatives_for(snapshot, service.number, address_class, now));
    findings.limit_rules.push_back(
        service.verdict.limit == 0 ? nullptr
                                   : limit_rule_at(snapshot, service.number, address_class, now));
  }
  return to_json(findings);
}

}  // namespace postern
