// SPDX-License-Identifier: BSD-3-Clause
//
// `postern fetch`: brings the feeds of lists that have a `fetch` declaration, by HTTPS. What cannot
// be brought, or is not what the policy asks for, changes nothing; the other lists go on.
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/command.h"
#include "control/cli/fetch/curl_transport.h"
#include "control/cli/fetch/list_fetcher.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/policy/names.h"
#include "rules/policy/parse.h"

namespace postern::cli {
namespace {

void declare(OptionSet& options) {
  options.add_operands("LIST");
  options.add_policy();
  options.add_text("ca", "FILE", "trust these certificate authorities (PEM), not the system's");
  options.add_text("timeout", "DURATION", "how long one transfer may take (default 5m)");
  options.add_text("stall", "DURATION", "how long a server may be silent (default 30s)");
}

TransportLimits read_limits(const Invocation& invocation) {
  TransportLimits limits;
  limits.ca_file = invocation.text("ca").value_or("");
  const auto read = [&](const char* name, std::chrono::seconds& limit) {
    const auto text = invocation.text(name);
    if (!text) return;
    const auto duration = parse_duration(*text);
    if (!duration)
      throw WrongUsage(std::string("--") + name + " takes a time like 30s, not '" + *text + "'");
    limit = *duration;
  };
  read("timeout", limits.total);
  read("stall", limits.stall);
  return limits;
}

// Those that are named; else all that have a feed.
std::vector<size_t> lists_to_fetch(const Invocation& invocation, const Policy& policy) {
  std::vector<size_t> lists;
  for (const auto& name : invocation.texts("LIST")) {
    const auto list = list_named(policy, name);
    if (!list) throw std::runtime_error("the policy has no list '" + name + "'");
    if (!policy.lists[*list].fetch)
      throw std::runtime_error("list '" + name + "' has no `fetch` in the policy");
    lists.push_back(*list);
  }
  if (!lists.empty()) return lists;
  for (size_t i = 0; i < policy.lists.size(); i++)
    if (policy.lists[i].fetch) lists.push_back(i);
  return lists;
}

struct Outcome {
  const ListDeclaration* list;
  FetchedList fetched;
  std::string error;  // empty: fetched
};

boost::json::object to_json(const Policy& policy, const Outcome& outcome) {
  boost::json::object object{{"list", json_text(outcome.list->name)},
                             {"file", json_text(path_of(policy, *outcome.list))},
                             {"url", json_text(outcome.list->fetch->url)}};
  if (!outcome.error.empty()) {
    object["error"] = json_text(outcome.error);
    return object;
  }
  object["not_modified"] = outcome.fetched.not_modified;
  object["bytes"] = outcome.fetched.bytes;
  object["entries"] = outcome.fetched.entries;
  object["modified"] = outcome.fetched.modified_at;
  return object;
}

void print(const std::vector<Outcome>& outcomes) {
  constexpr auto kLeft = Table::kLeft, kRight = Table::kRight;
  Table table({kLeft, kLeft, kRight, kRight, kLeft});
  table.row({"list", "", "bytes", "entries", "modified"});
  for (const auto& [list, fetched, error] : outcomes) {
    if (!error.empty())
      table.row({list->name, "failed; the file stays as it is"});
    else if (fetched.not_modified)
      table.row({list->name, "not modified", "", "", utc_text(fetched.modified_at)});
    else
      table.row({list->name, "fetched", grouped(fetched.bytes), grouped(fetched.entries),
                 utc_text(fetched.modified_at)});
  }
  table.print(std::cout, 0);
}

int run(const Invocation& invocation) {
  const auto limits = read_limits(invocation);
  const auto policy = read_policy(invocation.policy_path());
  const auto transport = make_curl_transport(limits);
  ListFetcher fetcher(*transport, policy, unix_now());
  std::vector<Outcome> outcomes;
  bool all_fetched = true;
  for (const size_t number : lists_to_fetch(invocation, policy)) {
    auto& outcome = outcomes.emplace_back();
    outcome.list = &policy.lists[number];
    try {
      outcome.fetched = fetcher.fetch(*outcome.list);
    } catch (const NotFetched& error) {
      outcome.error = error.what();
      all_fetched = false;
      std::cerr << "list " << printable(outcome.list->name) << ": "
                << printable(outcome.list->fetch->url) << ": " << printable(outcome.error) << '\n';
    }
  }
  if (invocation.json()) {
    boost::json::array lists;
    for (const auto& outcome : outcomes) lists.push_back(to_json(policy, outcome));
    std::cout << boost::json::serialize(boost::json::object{{"lists", std::move(lists)}}) << '\n';
  } else if (outcomes.empty()) {
    std::cout << "no list has a `fetch` in the policy\n";
  } else {
    print(outcomes);
  }
  return all_fetched ? kFine : kBadInput;
}

}  // namespace

const Command kFetchCommand = {
    kFetchName,
    kFetchTitle,
    "[--policy FILE] [LIST]...",
    "All lists that have a `fetch` in the policy, or those that are named. A file is replaced "
    "only\n"
    "by a whole one that is as its checksum and signature say and that compiling would take. What\n"
    "fails changes nothing, is said in one line, and makes the exit status 1; the others go on.\n"
    "What an unchanged feed is known by is kept beside its file, in FILE.fetch.\n",
    declare,
    run,
};

}  // namespace postern::cli
