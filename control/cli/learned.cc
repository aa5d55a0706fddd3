// SPDX-License-Identifier: BSD-3-Clause
//
// `postern learned`: what postern-control has learned about sources, and why, from the file where
// it keeps that. An entry is taken back in the file; control, which watches it, takes it out of
// memory and out of the engines. It need not run: then it does so when it starts.
#include <pwd.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <iostream>
#include <optional>
#include <stdexcept>

#include "control/cli/command.h"
#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "control/config/learned_setting.h"
#include "control/learning/learned_file.h"
#include "control/policy/source_of.h"

namespace postern::cli {
namespace {

namespace json = boost::json;
using learning::LearnedEntry;
using learning::LearnedFile;

constexpr const char* kDefaultConfig = "/etc/postern/control.conf";

void declare(OptionSet& options) {
  options.add_operand("list|explain|remove");
  options.add_operand("WHICH");
  options.add_text("config", "FILE",
                   "whose learned setting names the file (default /etc/postern/control.conf)");
  options.add_text("file", "FILE", "this one instead");
  options.add_text("why", "TEXT", "remove: for those who look at it later");
  options.add_texts("engine,e", "SOCKET",
                    "remove: take the entry out of this engine now, where control does not run;\n"
                    "may be repeated");
  options.add_credentials();
}

std::string file_of(const Invocation& invocation) {
  invocation.at_most_one({"config", "file"});
  if (const auto file = invocation.text("file")) return *file;
  const auto config = invocation.text("config").value_or(kDefaultConfig);
  const auto file = config::learned_setting_in(config);
  if (file.empty())
    throw std::runtime_error(config + " says of no file that what is learned is kept there");
  return file;
}

json::object to_json(const LearnedEntry& entry) {
  json::array evidence;
  for (const auto& one : entry.evidence)
    evidence.push_back(
        {{"time", one.time}, {"id", json_text(one.id)}, {"what", json_text(one.what)}});
  return {{"prefix", entry.prefix.to_string()}, {"learned", entry.learned},
          {"expires", entry.expires},           {"rule", json_text(entry.rule)},
          {"reason", json_text(entry.reason)},  {"evidence", std::move(evidence)}};
}

json::object to_json(const learning::Removal& removal) {
  return {{"prefix", removal.prefix.to_string()},
          {"time", removal.time},
          {"by", json_text(removal.by)},
          {"why", json_text(removal.why)}};
}

int list(const Invocation& invocation) {
  if (invocation.has("WHICH")) throw WrongUsage("list takes no address");
  const auto path = file_of(invocation);
  const int64_t now = unix_now();
  const auto entries = LearnedFile(path, LearnedFile::Purpose::kRead).entries(now);
  if (invocation.json()) {
    json::array array;
    for (const auto& entry : entries) array.push_back(to_json(entry));
    std::cout << json::serialize(
                     json::object{{"file", json_text(path)}, {"entries", std::move(array)}})
              << '\n';
    return kFine;
  }
  std::cout << printable(path) << "  " << counted(entries.size(), "entry", "entries") << '\n';
  Table table({Table::kLeft, Table::kRight, Table::kLeft, Table::kLeft});
  for (const auto& entry : entries)
    table.row({entry.prefix.to_string(), duration_text(entry.expires - now), entry.rule,
               entry.reason == entry.rule ? std::string() : entry.reason});
  table.print(std::cout, 2);
  return kFine;
}

void print(const LearnedEntry& entry, int64_t now) {
  std::cout << entry.prefix.to_string() << ": " << printable(entry.reason) << '\n';
  Table facts({Table::kLeft, Table::kLeft});
  facts.row({"rule", entry.rule});
  facts.row({"learned", utc_text(entry.learned) + ", " + until_text(entry.learned, now)});
  facts.row({"expires", utc_text(entry.expires) + ", " + until_text(entry.expires, now)});
  facts.print(std::cout, 2);
  Table evidence({Table::kLeft, Table::kLeft, Table::kLeft});
  for (const auto& one : entry.evidence) evidence.row({utc_text(one.time), one.id, one.what});
  std::cout << "  evidence, by the ids of the log:\n";
  evidence.print(std::cout, 4);
}

int explain(const Invocation& invocation) {
  invocation.required("WHICH", "the address to explain");
  const auto address = *invocation.address("WHICH");
  LearnedFile file(file_of(invocation), LearnedFile::Purpose::kRead);
  const int64_t now = unix_now();
  const auto entries = file.covering(address, now);
  const auto trusted = file.trusted(now);
  const auto trust = trusted.find(policy::source_of(address));
  std::vector<learning::Removal> removals;
  for (auto& removal : file.removals())
    if (removal.prefix.contains(address)) removals.push_back(std::move(removal));
  if (invocation.json()) {
    json::object object{{"address", address.to_string()}};
    json::array entries_json, removals_json;
    for (const auto& entry : entries) entries_json.push_back(to_json(entry));
    for (const auto& removal : removals) removals_json.push_back(to_json(removal));
    object["entries"] = std::move(entries_json);
    object["trusted"] = nullptr;
    if (trust != trusted.end())
      object["trusted"] = {{"domain", json_text(trust->second.domain)},
                           {"expires", trust->second.expires}};
    object["removals"] = std::move(removals_json);
    std::cout << json::serialize(object) << '\n';
    return kFine;
  }
  for (const auto& entry : entries) print(entry, now);
  if (entries.empty()) std::cout << address.to_string() << ": no learned entry covers it\n";
  if (trust != trusted.end())
    std::cout << "not learned, as it sent authenticated mail of " << printable(trust->second.domain)
              << ", until " << utc_text(trust->second.expires) << '\n';
  for (const auto& removal : removals)
    std::cout << "removed " << utc_text(removal.time) << ' ' << removal.prefix.to_string() << " by "
              << printable(removal.by) << (removal.why.empty() ? "" : ": " + printable(removal.why))
              << '\n';
  return kFine;
}

// Who asks, for those who look at it later.
std::string own_name() {
  const auto* user = ::getpwuid(::getuid());
  return user == nullptr ? std::to_string(::getuid()) : user->pw_name;
}

// True when all of them have done so, or had none.
bool remove_from_engines(const Invocation& invocation, const Prefix& prefix) {
  bool all_did = true;
  for (const auto& socket : invocation.texts("engine")) try {
      const bool there = EngineApi(socket).remove(prefix);
      if (!invocation.json())
        std::cout << printable(socket) << ": " << prefix.to_string()
                  << (there ? " removed\n" : " was not there\n");
    } catch (const EngineError& error) {
      all_did = false;
      std::cerr << "postern learned: " << printable(error.what()) << '\n';
    }
  return all_did;
}

int remove(const Invocation& invocation) {
  const auto text = invocation.required("WHICH", "the prefix to remove");
  const auto given = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (!given) throw WrongUsage("'" + text + "' is not an address or a prefix without host bits");
  // Of a single address its entry: for IPv6 that is one of its network.
  const bool single = given->length() == 128;
  const Prefix prefix = single ? policy::source_of(given->first()) : *given;
  const auto path = file_of(invocation);
  LearnedFile file(path, LearnedFile::Purpose::kChange);
  if (!file.remove(prefix, own_name(), invocation.text("why").value_or(""), unix_now()))
    throw std::runtime_error(path + ": there is no entry " + prefix.to_string());
  const bool engines_did = remove_from_engines(invocation, prefix);
  if (invocation.json())
    std::cout << json::serialize(json::object{{"removed", prefix.to_string()}}) << '\n';
  else
    std::cout << prefix.to_string() << " removed; control takes it out of the engines\n";
  return engines_did ? kFine : kBadInput;
}

int run(const Invocation& invocation) {
  const auto what = invocation.text("list|explain|remove").value_or("list");
  if (what != "remove")
    for (const char* name : {"why", "engine"})
      if (invocation.has(name)) throw WrongUsage(std::string("--") + name + " goes with remove");
  if (what == "list") return list(invocation);
  if (what == "explain") return explain(invocation);
  if (what == "remove") return remove(invocation);
  throw WrongUsage("'" + what + "' is none of list, explain and remove");
}

}  // namespace

const Command kLearnedCommand = {
    "learned",
    "Lists, explains and removes what control has learned",
    "[list | explain ADDRESS | remove PREFIX [--why TEXT] [--engine SOCKET]...]\n"
    "                       [--config FILE | --file FILE]",
    "What is removed may be learned again, by new evidence. Who shall never be learned belongs\n"
    "under protect in the policy.\n",
    declare,
    run,
};

}  // namespace postern::cli
