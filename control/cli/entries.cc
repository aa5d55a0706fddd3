// SPDX-License-Identifier: BSD-3-Clause
//
// `postern entries`: the expiring entries of running engines, listed, added and removed through
// their management API. What is added or removed is so in every engine that is named.
#include <boost/json/serialize.hpp>
#include <functional>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/abi/vocabulary.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_operand("list|add|remove");
  options.add_operand("PREFIX");
  options.add_text("action", "A", "add: allow, inspect, drop, reset or refuse (default drop)");
  options.add_text("for", "DURATION", "add: how long, as 90s, 30m, 1h or 7d (default 1h)");
  options.add_text("reason", "TEXT", "add: why, for those who look at the entry later");
  options.add_engines();
}

// One object per engine; what failed is also said on standard error.
int each_engine(const Invocation& invocation,
                const std::function<boost::json::object(EngineApi&)>& call) {
  bool all_did = true;
  boost::json::array engines;
  for (const auto& socket : require_engines(invocation)) {
    EngineApi api(socket);
    boost::json::object object{{"socket", json_text(socket)}};
    try {
      for (auto& [name, value] : call(api)) object[name] = std::move(value);
    } catch (const EngineError& error) {
      all_did = false;
      std::cerr << "postern entries: " << printable(error.what()) << '\n';
      object["error"] = json_text(error.bare());
    }
    engines.push_back(std::move(object));
  }
  if (invocation.json())
    std::cout << boost::json::serialize(boost::json::object{{"engines", std::move(engines)}})
              << '\n';
  return all_did ? kFine : kBadInput;
}

void print_entries(const std::string& socket, const EngineEntries& entries) {
  std::cout << printable(socket) << "  " << counted(entries.entries.size(), "entry", "entries")
            << " of " << grouped(entries.capacity);
  if (entries.evicted > 0) std::cout << ", " << grouped(entries.evicted) << " pushed out by others";
  std::cout << '\n';
  Table table({Table::kLeft, Table::kLeft, Table::kRight, Table::kLeft});
  for (const auto& entry : entries.entries)
    table.row({entry.prefix.to_string(), entry.action, duration_text(entry.seconds), entry.reason});
  table.print(std::cout, 2);
}

int list(const Invocation& invocation) {
  return each_engine(invocation, [&](EngineApi& api) {
    const auto entries = api.entries();
    boost::json::array array;
    for (const auto& entry : entries.entries) array.push_back(to_json(entry));
    if (!invocation.json()) print_entries(api.socket(), entries);
    return boost::json::object{{"entries", std::move(array)},
                               {"capacity", entries.capacity},
                               {"evicted", entries.evicted}};
  });
}

Prefix required_prefix(const Invocation& invocation) {
  const auto text = invocation.required("PREFIX", "the prefix");
  const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (!prefix) throw WrongUsage("'" + text + "' is not an address or a prefix without host bits");
  return *prefix;
}

int add(const Invocation& invocation) {
  const auto prefix = required_prefix(invocation);
  const auto action = invocation.text("action").value_or("drop");
  if (!action_from(action))
    throw WrongUsage("'" + action + "' is no action: allow, inspect, drop, reset or refuse");
  const auto lifetime_text = invocation.text("for").value_or("1h");
  const auto lifetime = parse_duration(lifetime_text);
  if (!lifetime) throw WrongUsage("'" + lifetime_text + "' is no duration: 90s, 30m, 1h, 7d");
  const auto reason = invocation.text("reason").value_or("by hand");
  return each_engine(invocation, [&](EngineApi& api) {
    api.add(prefix, action, reason, *lifetime);
    if (!invocation.json())
      std::cout << printable(api.socket()) << ": " << prefix.to_string() << ' ' << action << " for "
                << duration_text(lifetime->count()) << '\n';
    return boost::json::object{{"prefix", prefix.to_string()}};
  });
}

int remove(const Invocation& invocation) {
  const auto prefix = required_prefix(invocation);
  return each_engine(invocation, [&](EngineApi& api) {
    if (!api.remove(prefix))
      throw EngineError(api.socket(), "there is no entry " + prefix.to_string());
    if (!invocation.json())
      std::cout << printable(api.socket()) << ": " << prefix.to_string() << " removed\n";
    return boost::json::object{{"removed", true}};
  });
}

int run(const Invocation& invocation) {
  const auto what = invocation.text("list|add|remove").value_or("list");
  if (what != "add")
    for (const char* name : {"action", "for", "reason"})
      if (invocation.has(name)) throw WrongUsage(std::string("--") + name + " goes with add");
  if (what == "list") {
    if (invocation.has("PREFIX")) throw WrongUsage("list takes no prefix");
    return list(invocation);
  }
  if (what == "add") return add(invocation);
  if (what == "remove") return remove(invocation);
  throw WrongUsage("'" + what + "' is none of list, add and remove");
}

}  // namespace

const Command kEntriesCommand = {
    "entries",
    "Lists, adds and removes the expiring entries of running engines",
    "[list | add PREFIX [--action A] [--for 1h] [--reason TEXT] | remove PREFIX]\n"
    "                       [--engine SOCKET]...",
    "Entries may have the lengths /32 and /24, /128, /64, /56 and /48. What is protected or "
    "allowed\n"
    "by a rule goes before an entry.\n",
    declare,
    run,
};

}  // namespace postern::cli
