// SPDX-License-Identifier: BSD-3-Clause
//
// `postern explain`: why an address is treated as it is. Every list it is in, the rule that decides
// for each service, and, where engines are named, the dynamic entries that cover it; by rules of a
// file, or by those that an engine has in force. What is shown is the account of the address
// (rules/compile/account.h), whoever gave it. Precedence is that of the core: protect > allow >
// dynamic entry > matrix.
#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/compile/account.h"

namespace postern::cli {
namespace {

namespace json = boost::json;

void declare(OptionSet& options) {
  options.add_operand("ADDR");
  options.add_text("to", "DST", "an address of a service; without it, all services are shown");
  options.add_policy_or_snapshot();
  options.add_texts("engine,e", "SOCKET",
                    "ask this engine for its entries that cover the address, and, without\n"
                    "--policy and --snapshot, for the rules in force; may be repeated");
  options.add_credentials();
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
    auto entries = EngineApi(socket).entries_for(address);
    if (!entries.empty()) covering.push_back({socket, std::move(entries.front())});
  }
  return covering;
}

std::string text(const json::object& object, const char* member) {
  const auto& value = object.at(member);
  return value.is_string() ? std::string(value.get_string()) : std::string();
}
int64_t number(const json::object& object, const char* member) {
  return object.at(member).to_number<int64_t>();
}

// "site.policy:11"
std::string place(const json::object& object, const char* file, const char* line) {
  return text(object, file) + ':' + std::to_string(number(object, line));
}

void print_lists(const json::array& lists, int64_t now) {
  if (lists.empty()) {
    std::cout << "in no list\n";
    return;
  }
  Table table(std::vector<Table::Align>(10, Table::kLeft));
  table.row(
      {"list", "", "category", "weight", "range", "where", "age", "expires", "contact", "text"});
  for (const auto& value : lists) {
    const auto& entry = value.as_object();
    const auto standing = text(entry, "standing");
    const bool is_of_sublist = standing != "excluded" && standing != "ignored by a map";
    table.row({text(entry, "list"), standing, text(entry, "category"),
               is_of_sublist ? std::to_string(number(entry, "weight")) : "", text(entry, "range"),
               place(entry, "file", "line"),
               duration_text(std::max<int64_t>(0, now - number(entry, "modified"))),
               entry.at("expires").is_null() ? "never" : until_text(number(entry, "expires"), now),
               text(entry, "contact"), text(entry, "text")});
  }
  table.print(std::cout, 0);
}

// Why a service treats the address so.
std::string decided_by(const json::object& account, const json::object& service) {
  if (!service.at("rule").is_null())
    return place(service, "file", "line") + ": " + text(service, "rule");
  if (account.at("protected").as_bool() && !account.at("protect_line").is_null())
    return place(account, "protect_file", "protect_line") + ": protect";
  return text(service, "explanation");
}

void print_services(const json::object& account, const std::vector<CoveringEntry>& covering) {
  Table table(std::vector<Table::Align>(4, Table::kLeft));
  table.row({"service", "verdict", "reason", "decided by"});
  for (const auto& value : account.at("services").as_array()) {
    const auto& service = value.as_object();
    auto name = text(service, "service");
    if (const auto* vlan = service.if_contains("vlan"); vlan && vlan->is_string())
      name += " vlan " + text(service, "vlan");
    table.row(
        {name, text(service, "verdict"), text(service, "reason"), decided_by(account, service)});
    if (const auto* observed = service.at("observed").if_object())
      table.row(
          {"", "", "",
           "only observed: " + place(*observed, "file", "line") + ": " + text(*observed, "rule")});
    if (service.at("told").is_string())
      table.row({"", "", "", "the client reads: " + text(service, "told")});
    if (const auto* limit = service.if_contains("limit"); limit && limit->is_object())
      table.row({"", "", "",
                 "its attempts are counted against " + place(limit->get_object(), "file", "line") +
                     ": " + text(limit->get_object(), "rule")});
    for (const auto& change : service.at("changes").as_array()) {
      std::string without;
      for (const auto& one : change.at("without").as_array())
        without += (without.empty() ? "" : " and ") + std::string(one.as_string());
      table.row({"", text(change.as_object(), "verdict"), "",
                 without == "protect" ? "would be, if nothing protected it"
                                      : "would be, without " + without});
    }
    if (service.at("final").as_bool()) continue;
    for (const auto& [socket, entry] : covering)
      table.row({"", entry.action, "learned-" + entry.action,
                 "the entry " + entry.prefix.to_string() + " goes before it in " + socket});
  }
  table.print(std::cout, 0);
}

void print(const json::object& account, const std::vector<CoveringEntry>& covering,
           bool engines_were_asked, const std::optional<IpAddress>& to) {
  std::cout << text(account, "address") << ": class " << number(account, "class") << ", ";
  if (account.at("protected").as_bool() && !account.at("protect_line").is_null())
    std::cout << "protected (" << printable(place(account, "protect_file", "protect_line"))
              << ")\n\n";
  else
    std::cout << "not protected\n\n";
  print_lists(account.at("lists").as_array(), unix_now());
  std::cout << '\n';
  for (const auto& [socket, entry] : covering)
    std::cout << "entry " << entry.prefix.to_string() << " in " << printable(socket) << ": "
              << printable(entry.action) << ", " << duration_text(entry.seconds) << " left, "
              << printable(entry.reason) << '\n';
  if (engines_were_asked && covering.empty()) std::cout << "no entry of an engine covers it\n";
  if (engines_were_asked) std::cout << '\n';
  if (account.at("services").as_array().empty())
    std::cout << (to ? to->to_string() + " is no service's address: what is sent there passes"
                     : "the policy has no service: everything passes")
              << '\n';
  else
    print_services(account, covering);
}

json::array entries_json(const std::vector<CoveringEntry>& covering) {
  json::array entries;
  for (const auto& [socket, entry] : covering) {
    auto object = to_json(entry);
    object["engine"] = json_text(socket);
    entries.push_back(std::move(object));
  }
  return entries;
}

// By the rules that the engines have in force, each by its own.
int explain_in_force(const Invocation& invocation, const std::vector<std::string>& sockets,
                     const IpAddress& address, const std::optional<IpAddress>& to) {
  json::array engines;
  for (const auto& socket : sockets) try {
      auto account = EngineApi(socket).explain(address, to);
      const auto covering = covering_entries({socket}, address);
      if (invocation.json()) {
        account["engine"] = json_text(socket);
        account["entries"] = entries_json(covering);
        engines.push_back(std::move(account));
        continue;
      }
      std::cout << (socket == sockets.front() ? "" : "\n") << "by the rules in force in "
                << printable(socket) << ", generation "
                << account.at("generation").to_number<uint64_t>() << ":\n";
      print(account, covering, true, to);
    } catch (const boost::system::system_error&) {  // a member is missing, or is another thing
      throw EngineError(socket, "the answer lacks what an account has");
    } catch (const std::out_of_range&) {
      throw EngineError(socket, "the answer lacks what an account has");
    }
  if (invocation.json())
    std::cout << json::serialize(json::object{{"engines", std::move(engines)}}) << '\n';
  return kFine;
}

int run(const Invocation& invocation) {
  invocation.required("ADDR", "the address to explain");
  const auto address = *invocation.address("ADDR");
  const auto to = invocation.address("to");
  const auto sockets = invocation.texts("engine");
  if (!sockets.empty() && !invocation.has("policy") && !invocation.has("snapshot"))
    return explain_in_force(invocation, sockets, address, to);
  const auto snapshot = open_rules(invocation, Verified::kOutline);
  const auto covering = covering_entries(sockets, address);
  auto account = account_of(*snapshot, address, to, unix_now());
  if (invocation.json()) {
    account["entries"] = entries_json(covering);
    std::cout << json::serialize(account) << '\n';
  } else {
    print(account, covering, !sockets.empty(), to);
  }
  return kFine;
}

}  // namespace

const Command kExplainCommand = {
    "explain",
    "Says which lists an address is in, and what becomes of its connections",
    "ADDR [--to DST] [--policy FILE | --snapshot FILE] [--engine SOCKET]...",
    "Without --policy, --snapshot and --engine: /var/lib/postern/snapshot, else\n"
    "/etc/postern/postern.policy.\n",
    declare,
    run,
};

}  // namespace postern::cli
