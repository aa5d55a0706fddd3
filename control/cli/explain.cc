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

std::string place(const std::string& file, uint32_t line) {
  return file + ":" + std::to_string(line);
}

bool is_final(const ps_verdict& verdict) {
  return (verdict.flags & PS_VERDICT_FINAL) != 0;
}

boost::json::object list_json(const Provenance& provenance, const Snapshot& snapshot) {
  const auto& list = snapshot.lists().at(provenance.list);
  boost::json::object object{{"list", json_text(list.name)},
                             {"file", json_text(list.file)},
                             {"line", provenance.line},
                             {"range", provenance.range.to_string()},
                             {"category", json_text(list.category)},
                             {"contact", json_text(list.contact)},
                             {"modified", list.modified_at},
                             {"expires", nullptr},
                             {"expired", list.expired},
                             {"kept_previous", list.kept_previous}};
  if (list.expires_at) object["expires"] = *list.expires_at;
  return object;
}

boost::json::object to_json(const IpAddress& address, const Snapshot& snapshot,
                            const Explanation& explanation,
                            const std::vector<CoveringEntry>& covering) {
  boost::json::array lists, services, entries;
  for (const auto& provenance : explanation.entries)
    lists.push_back(list_json(provenance, snapshot));
  for (const auto& service : explanation.services) {
    boost::json::object object{{"service", json_text(service.service)},
                               {"verdict", word(static_cast<Action>(service.verdict.action))},
                               {"reason", word(static_cast<Reason>(service.verdict.reason))},
                               {"final", is_final(service.verdict)},
                               {"rule", nullptr},
                               {"line", nullptr}};
    if (!service.rule_text.empty()) object["rule"] = json_text(service.rule_text);
    if (service.rule_line > 0) object["line"] = service.rule_line;
    services.push_back(std::move(object));
  }
  for (const auto& [socket, entry] : covering) {
    boost::json::object object = to_json(entry);
    object["engine"] = json_text(socket);
    entries.push_back(std::move(object));
  }
  boost::json::object object{{"address", address.to_string()},
                             {"class", explanation.address_class},
                             {"policy", json_text(snapshot.policy().file)},
                             {"generation", snapshot.generation()},
                             {"created", snapshot.created()},
                             {"protected", explanation.is_protected},
                             {"protect_line", nullptr},
                             {"lists", std::move(lists)},
                             {"services", std::move(services)},
                             {"entries", std::move(entries)}};
  if (explanation.is_protected) object["protect_line"] = explanation.protect_line;
  return object;
}

// When the list stops counting, or why it does not count already.
std::string expiry(const ListFacts& list, int64_t now) {
  if (list.expired) return "too old, counts for nothing";
  if (!list.expires_at) return "never";
  if (*list.expires_at > now) return "in " + duration_text(*list.expires_at - now);
  return duration_text(now - *list.expires_at) + " ago; the next compilation drops it";
}

void print_lists(const Snapshot& snapshot, const Explanation& explanation) {
  if (explanation.entries.empty()) {
    std::cout << "in no list\n";
    return;
  }
  const int64_t now = unix_now();
  Table table({Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft,
               Table::kLeft});
  table.row({"list", "category", "range", "where", "age", "expires", "contact"});
  for (const auto& provenance : explanation.entries) {
    const auto& list = snapshot.lists().at(provenance.list);
    table.row({list.name, list.category, provenance.range.to_string(),
               place(list.file, provenance.line),
               duration_text(std::max<int64_t>(0, now - list.modified_at)), expiry(list, now),
               list.contact});
  }
  table.print(std::cout, 0);
}

void print_services(const Snapshot& snapshot, const Explanation& explanation,
                    const std::vector<CoveringEntry>& covering) {
  const auto& policy_file = snapshot.policy().file;
  Table table({Table::kLeft, Table::kLeft, Table::kLeft, Table::kLeft});
  table.row({"service", "verdict", "reason", "decided by"});
  for (const auto& service : explanation.services) {
    const auto reason = static_cast<Reason>(service.verdict.reason);
    std::string decided;
    if (!service.rule_text.empty())
      decided = place(policy_file, service.rule_line) + ": " + service.rule_text;
    else if (explanation.is_protected)
      decided = place(policy_file, explanation.protect_line) + ": protect";
    else
      decided = describe(reason).explanation;
    table.row({service.service, std::string(word(static_cast<Action>(service.verdict.action))),
               std::string(word(reason)), decided});
    if (is_final(service.verdict)) continue;
    for (const auto& [socket, entry] : covering)
      table.row({"", entry.action, "learned-" + entry.action,
                 "the entry " + entry.prefix.to_string() + " goes before it in " + socket});
  }
  table.print(std::cout, 0);
}

int run(const Invocation& invocation) {
  invocation.required("ADDR", "the address to explain");
  const auto address = *invocation.address("ADDR");
  const auto to = invocation.address("to");
  const auto snapshot = open_rules(invocation);
  const auto covering = covering_entries(invocation.texts("engine"), address);
  const auto explanation = snapshot->explain(address, to);
  if (invocation.json()) {
    std::cout << boost::json::serialize(to_json(address, *snapshot, explanation, covering)) << '\n';
    return kFine;
  }
  std::cout << address.to_string() << ": class " << explanation.address_class << ", ";
  if (explanation.is_protected)
    std::cout << "protected (" << printable(snapshot->policy().file) << ':'
              << explanation.protect_line << ")\n\n";
  else
    std::cout << "not protected\n\n";
  print_lists(*snapshot, explanation);
  std::cout << '\n';
  for (const auto& [socket, entry] : covering)
    std::cout << "entry " << entry.prefix.to_string() << " in " << printable(socket) << ": "
              << printable(entry.action) << ", " << duration_text(entry.seconds) << " left, "
              << printable(entry.reason) << '\n';
  if (!invocation.texts("engine").empty() && covering.empty())
    std::cout << "no entry of an engine covers it\n";
  if (!invocation.texts("engine").empty()) std::cout << '\n';
  if (explanation.services.empty())
    std::cout << (to ? to->to_string() + " is no service's address: what is sent there passes"
                     : "the policy has no service: everything passes")
              << '\n';
  else
    print_services(*snapshot, explanation, covering);
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
