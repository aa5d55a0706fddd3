// SPDX-License-Identifier: BSD-3-Clause
//
// `postern explain`: why an address is treated as it is. Every list it is in, the rule that decides
// for each service, and, where engines are named, the dynamic entries that cover it. Precedence is
// that of the core: protect > allow > dynamic entry > matrix.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/compile/alternatives.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_operand("ADDR");
  options.add_text("to", "DST", "an address of a service; without it, all services are shown");
  options.add_policy_or_snapshot();
  options.add_texts("engine,e", "SOCKET",
                    "also ask this engine for an entry that covers the address; may be repeated");
}

struct CoveringEntry {
  std::string socket;
  EngineEntry entry;
};

// The entry that an engine would take for the address: the longest prefix that covers it.
std::vector<CoveringEntry> covering_entries(const std::vector<std::string>& sockets,
                                            const IpAddress& address) {
  std::vector<CoveringEntry> covering;
  for (const auto& socket : sockets) {
    std::optional<EngineEntry> longest;
    for (auto& entry : EngineApi(socket).entries().entries)
      if (entry.prefix.contains(address) &&
          (!longest || entry.prefix.length() > longest->prefix.length()))
        longest = std::move(entry);
    if (longest) covering.push_back({socket, std::move(*longest)});
  }
  return covering;
}

bool is_final(const ps_verdict& verdict) {
  return (verdict.flags & PS_VERDICT_FINAL) != 0;
}

std::string_view action_word(const ps_verdict& verdict) {
  return word(static_cast<Action>(verdict.action));
}

// All that there is to say of one address, gathered before any of it is printed.
struct Findings {
  IpAddress address;
  std::shared_ptr<const Snapshot> snapshot;
  Explanation explanation;
  std::vector<CoveringEntry> covering;
  std::vector<Alternatives> alternatives;  // per service of the explanation
  int64_t now = 0;                         // Unix seconds

  const Policy& policy() const { return snapshot->policy(); }
  const ListFacts& list_of(const Provenance& entry) const {
    return snapshot->lists().at(entry.list);
  }
  const SubList* sublist_of(const Provenance& entry) const {
    return entry.sublist ? &snapshot->sublists().at(*entry.sublist) : nullptr;
  }
};

// Whether an entry counts, and if not, why.
std::string standing(const Findings& findings, const Provenance& entry) {
  const auto* sublist = findings.sublist_of(entry);
  if (entry.note.excluded) return "excluded";
  if (!sublist) return "ignored by a map";
  if (!sublist->counts_at(findings.now)) return "expired";
  // In the list, unless an exclusion or a stronger entry of the list takes it away.
  const auto sublists = findings.snapshot->sublists_of(findings.explanation.address_class);
  return std::ranges::find(sublists, *entry.sublist) == sublists.end() ? "overruled" : "counts";
}

boost::json::object entry_json(const Findings& findings, const Provenance& entry) {
  const auto& list = findings.list_of(entry);
  const auto* sublist = findings.sublist_of(entry);
  boost::json::object object{{"list", json_text(list.name)},
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

boost::json::object rule_json(const Findings& findings, const ConnectionRule& rule) {
  return {{"rule", json_text(rule.text)},
          {"file", json_text(findings.policy().file_of(rule.place))},
          {"line", rule.place.line}};
}

boost::json::array alternatives_json(const Findings& findings, const Alternatives& alternatives) {
  boost::json::array array;
  for (const auto& one : alternatives.single) {
    boost::json::object object{{"without", "protect"}, {"verdict", action_word(one.verdict)}};
    if (one.without_list)
      object["without"] = json_text("list " + findings.snapshot->lists()[*one.without_list].name);
    array.push_back(std::move(object));
  }
  if (alternatives.without_all)
    array.push_back(
        {{"without", "all lists"}, {"verdict", action_word(*alternatives.without_all)}});
  return array;
}

boost::json::object to_json(const Findings& findings) {
  const auto& explanation = findings.explanation;
  boost::json::array lists, services, entries;
  for (const auto& entry : explanation.entries) lists.push_back(entry_json(findings, entry));
  for (size_t i = 0; i < explanation.services.size(); i++) {
    const auto& service = explanation.services[i];
    boost::json::object object{{"service", json_text(service.service)},
                               {"verdict", action_word(service.verdict)},
                               {"reason", word(static_cast<Reason>(service.verdict.reason))},
                               {"final", is_final(service.verdict)},
                               {"rule", nullptr},
                               {"file", nullptr},
                               {"line", nullptr},
                               {"observed", nullptr},
                               {"limited", service.verdict.limit != 0},
                               {"changes", alternatives_json(findings, findings.alternatives[i])}};
    if (service.rule)
      for (auto& member : rule_json(findings, *service.rule)) object[member.key()] = member.value();
    if (service.observed_rule) object["observed"] = rule_json(findings, *service.observed_rule);
    services.push_back(std::move(object));
  }
  for (const auto& [socket, entry] : findings.covering) {
    boost::json::object object = to_json(entry);
    object["engine"] = json_text(socket);
    entries.push_back(std::move(object));
  }
  boost::json::object object{{"address", findings.address.to_string()},
                             {"class", explanation.address_class},
                             {"policy", json_text(findings.policy().file())},
                             {"generation", findings.snapshot->generation()},
                             {"created", findings.snapshot->created()},
                             {"protected", explanation.is_protected},
                             {"protect_file", nullptr},
                             {"protect_line", nullptr},
                             {"lists", std::move(lists)},
                             {"services", std::move(services)},
                             {"entries", std::move(entries)}};
  if (explanation.is_protected && explanation.protect_place) {
    object["protect_file"] = json_text(findings.policy().file_of(*explanation.protect_place));
    object["protect_line"] = explanation.protect_place->line;
  }
  return object;
}

// When the entry stops counting.
std::string expiry(const Findings& findings, const Provenance& entry) {
  const auto* sublist = findings.sublist_of(entry);
  if (!sublist || sublist->expires_at == kNeverExpires) return "never";
  return until_text(sublist->expires_at, findings.now);
}

void print_lists(const Findings& findings) {
  if (findings.explanation.entries.empty()) {
    std::cout << "in no list\n";
    return;
  }
  Table table(std::vector<Table::Align>(10, Table::kLeft));
  table.row(
      {"list", "", "category", "weight", "range", "where", "age", "expires", "contact", "text"});
  for (const auto& entry : findings.explanation.entries) {
    const auto& list = findings.list_of(entry);
    const auto* sublist = findings.sublist_of(entry);
    table.row({list.name, standing(findings, entry), sublist ? sublist->category : list.category,
               sublist ? std::to_string(sublist->weight) : "", entry.range.to_string(),
               list.file + ':' + std::to_string(entry.line),
               duration_text(std::max<int64_t>(0, findings.now - list.modified_at)),
               expiry(findings, entry), list.contact, entry.note.text});
  }
  table.print(std::cout, 0);
}

// Why a service treats the address so, and what would change that.
std::string decided_by(const Findings& findings, const Explanation::PerService& service) {
  if (service.rule)
    return place_text(findings.policy(), service.rule->place) + ": " + service.rule->text;
  if (findings.explanation.is_protected && findings.explanation.protect_place)
    return place_text(findings.policy(), *findings.explanation.protect_place) + ": protect";
  return std::string(describe(static_cast<Reason>(service.verdict.reason)).explanation);
}

void print_services(const Findings& findings) {
  Table table(std::vector<Table::Align>(4, Table::kLeft));
  table.row({"service", "verdict", "reason", "decided by"});
  for (size_t i = 0; i < findings.explanation.services.size(); i++) {
    const auto& service = findings.explanation.services[i];
    table.row({service.service, std::string(action_word(service.verdict)),
               std::string(word(static_cast<Reason>(service.verdict.reason))),
               decided_by(findings, service)});
    if (service.observed_rule)
      table.row({"", "", "",
                 "only observed: " + place_text(findings.policy(), service.observed_rule->place) +
                     ": " + service.observed_rule->text});
    for (const auto& one : findings.alternatives[i].single)
      table.row({"", std::string(action_word(one.verdict)), "",
                 one.without_list ? "would be, without list " +
                                        findings.snapshot->lists()[*one.without_list].name
                                  : "would be, if nothing protected it"});
    if (const auto& verdict = findings.alternatives[i].without_all)
      table.row({"", std::string(action_word(*verdict)), "", "would be, in none of these lists"});
    if (is_final(service.verdict)) continue;
    for (const auto& [socket, entry] : findings.covering)
      table.row({"", entry.action, "learned-" + entry.action,
                 "the entry " + entry.prefix.to_string() + " goes before it in " + socket});
  }
  table.print(std::cout, 0);
}

int run(const Invocation& invocation) {
  invocation.required("ADDR", "the address to explain");
  Findings findings;
  findings.address = *invocation.address("ADDR");
  findings.now = unix_now();
  const auto to = invocation.address("to");
  findings.snapshot = open_rules(invocation);
  findings.covering = covering_entries(invocation.texts("engine"), findings.address);
  findings.explanation = findings.snapshot->explain(findings.address, to, findings.now);
  const auto& explanation = findings.explanation;
  for (const auto& service : explanation.services)
    findings.alternatives.push_back(alternatives_for(*findings.snapshot, service.number,
                                                     explanation.address_class, findings.now));
  if (invocation.json()) {
    std::cout << boost::json::serialize(to_json(findings)) << '\n';
    return kFine;
  }
  std::cout << findings.address.to_string() << ": class " << explanation.address_class << ", ";
  if (explanation.is_protected && explanation.protect_place)
    std::cout << "protected ("
              << printable(place_text(findings.policy(), *explanation.protect_place)) << ")\n\n";
  else
    std::cout << "not protected\n\n";
  print_lists(findings);
  std::cout << '\n';
  for (const auto& [socket, entry] : findings.covering)
    std::cout << "entry " << entry.prefix.to_string() << " in " << printable(socket) << ": "
              << printable(entry.action) << ", " << duration_text(entry.seconds) << " left, "
              << printable(entry.reason) << '\n';
  if (!invocation.texts("engine").empty() && findings.covering.empty())
    std::cout << "no entry of an engine covers it\n";
  if (!invocation.texts("engine").empty()) std::cout << '\n';
  if (explanation.services.empty())
    std::cout << (to ? to->to_string() + " is no service's address: what is sent there passes"
                     : "the policy has no service: everything passes")
              << '\n';
  else
    print_services(findings);
  return kFine;
}

}  // namespace

const Command kExplainCommand = {
    "explain",
    "Says which lists an address is in, and what becomes of its connections",
    "ADDR [--to DST] [--policy FILE | --snapshot FILE] [--engine SOCKET]...",
    "Without --policy and --snapshot: /var/lib/postern/snapshot, else "
    "/etc/postern/postern.policy.\n",
    declare,
    run,
};

}  // namespace postern::cli
