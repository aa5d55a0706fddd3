// SPDX-License-Identifier: BSD-3-Clause
//
// `postern lists`: what each list covers, what it has in common with every other one, and whether
// anything would be missing without it. So an operator can tell which feeds are worth having, which
// are old, and which say the same.
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iostream>

#include "control/cli/address_count_text.h"
#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/rules_source.h"
#include "control/cli/table.h"
#include "control/cli/time_text.h"
#include "rules/compile/coverage.h"

namespace postern::cli {
namespace {

// What is shown without --all.
constexpr size_t kShownSublists = 10;  // of one list
constexpr size_t kShownOverlaps = 20;

void declare(OptionSet& options) {
  options.add_policy_or_snapshot();
  options.add_flag("all,a", "all pairs of lists that overlap, and all sub-lists");
}

// All that there is to say of the lists, gathered before any of it is printed.
struct Findings {
  std::shared_ptr<const Snapshot> snapshot;
  Coverage coverage;
  std::vector<uint64_t> sublist_entries;
  std::vector<std::vector<size_t>> sublists_of;  // per list; empty where it is not taken apart
  int64_t now = 0;                               // Unix seconds
  size_t shown_sublists, shown_overlaps;         // at most

  const ListFacts& facts(size_t list) const { return snapshot->lists()[list]; }
  bool is_expired(size_t list) const {
    return facts(list).expired || (facts(list).expires_at && *facts(list).expires_at <= now);
  }
  bool is_stale(size_t list) const {
    const auto& stale = snapshot->policy().lists[list].stale;
    return stale && facts(list).modified_at + stale->after.count() <= now;
  }
  std::string sublist_name(size_t number) const {
    const auto& sublist = snapshot->sublists()[number];
    if (!sublist.map) return "entries";
    return snapshot->policy().lists[sublist.list].maps[*sublist.map].text;
  }
};

Findings find(const Invocation& invocation) {
  Findings findings;
  findings.snapshot = open_rules(invocation);
  findings.now = unix_now();
  findings.coverage = coverage_of(*findings.snapshot, findings.now);
  findings.sublist_entries = findings.snapshot->sublist_entries();
  const auto& sublists = findings.snapshot->sublists();
  findings.sublists_of.resize(findings.snapshot->lists().size());
  for (size_t i = 0; i < sublists.size(); i++) findings.sublists_of[sublists[i].list].push_back(i);
  for (auto& numbers : findings.sublists_of)
    if (numbers.size() == 1 && !sublists[numbers[0]].map) numbers.clear();
  const bool all = invocation.flag("all");
  findings.shown_sublists = all ? sublists.size() : kShownSublists;
  findings.shown_overlaps =
      std::min(all ? SIZE_MAX : kShownOverlaps, findings.coverage.overlaps.size());
  return findings;
}

// What is out of the ordinary about a list.
std::string note_on(const Findings& findings, size_t list) {
  std::string note;
  const auto add = [&](bool holds, const std::string& what) {
    if (holds) note += (note.empty() ? "" : "; ") + what;
  };
  const auto& facts = findings.facts(list);
  const auto& coverage = findings.coverage.lists[list];
  add(findings.is_expired(list), "expired, counts as empty");
  add(findings.is_stale(list), "stale");
  add(facts.kept_previous, "refused, the last good one stays");
  add(facts.format == "domains", "domains");
  add(coverage.adds_nothing_to_category(), "adds nothing");
  add(coverage.adds_nothing() && !coverage.adds_nothing_to_category(),
      facts.category.empty() ? "adds no address" : "adds only its category");
  return note;
}

std::string expiry_text(int64_t expires_at, int64_t now) {
  return expires_at == kNeverExpires ? "never" : until_text(expires_at, now);
}

std::string age_text(int64_t then, int64_t now) {
  return duration_text(std::max<int64_t>(0, now - then));
}

std::string nothing_for_zero(std::string text) {
  return text == "0" ? "" : text;
}

void print_lists(const Findings& findings) {
  constexpr auto kLeft = Table::kLeft, kRight = Table::kRight;
  Table table({kLeft, kLeft, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kRight, kLeft,
               kLeft, kLeft, kLeft});
  table.row({"list", "category", "weight", "entries", "IPv4", "share", "only here", "IPv6", "share",
             "only here", "age", "changed", "expires", ""});
  const auto& snapshot = *findings.snapshot;
  for (size_t i = 0; i < snapshot.lists().size(); i++) {
    const auto& facts = findings.facts(i);
    const auto& [covered, alone, alone_in_category] = findings.coverage.lists[i];
    const bool v4 = covered.v4 > 0, v6 = covered.v6 > 0;  // else its cells stay empty
    table.row({facts.name, facts.category, std::to_string(facts.weight), grouped(facts.entries),
               grouped(covered.v4), v4 ? percent_text(covered.share_v4()) : "",
               v4 ? grouped(alone.v4) : "", nothing_for_zero(count_text_v6(covered.v6)),
               v6 ? percent_text(covered.share_v6()) : "", v6 ? count_text_v6(alone.v6) : "",
               age_text(facts.modified_at, findings.now), age_text(facts.changed_at, findings.now),
               expiry_text(facts.expires_at.value_or(kNeverExpires), findings.now),
               note_on(findings, i)});
    const auto& numbers = findings.sublists_of[i];
    for (size_t j = 0; j < std::min(numbers.size(), findings.shown_sublists); j++) {
      const auto& sublist = snapshot.sublists()[numbers[j]];
      const auto& count = findings.coverage.sublists[numbers[j]];
      table.row({"  " + findings.sublist_name(numbers[j]), sublist.category,
                 std::to_string(sublist.weight), grouped(findings.sublist_entries[numbers[j]]),
                 grouped(count.v4), count.v4 ? percent_text(count.share_v4()) : "", "",
                 nothing_for_zero(count_text_v6(count.v6)),
                 count.v6 ? percent_text(count.share_v6()) : "", "", "", "",
                 expiry_text(sublist.expires_at, findings.now)});
    }
    if (numbers.size() > findings.shown_sublists)
      table.row({"  " + grouped(numbers.size() - findings.shown_sublists) + " more (--all)"});
  }
  table.print(std::cout, 0);
}

// "12.5% of dynamic": of the family in which they share more.
std::string share_of(const Findings& findings, const ListOverlap& overlap, size_t list) {
  const auto& covered = findings.coverage.lists[list].covered;
  const double share = overlap.both.v4 > 0
                           ? static_cast<double>(overlap.both.v4) / static_cast<double>(covered.v4)
                           : static_cast<double>(overlap.both.v6) / static_cast<double>(covered.v6);
  return percent_text(share) + " of " + findings.facts(list).name;
}

void print_overlaps(const Findings& findings) {
  const auto& overlaps = findings.coverage.overlaps;
  if (overlaps.empty()) {
    std::cout << "no two lists overlap\n";
    return;
  }
  Table table({Table::kLeft, Table::kRight, Table::kRight, Table::kLeft, Table::kLeft});
  table.row({"in both", "IPv4", "IPv6", "", ""});
  for (size_t i = 0; i < findings.shown_overlaps; i++) {
    const auto& overlap = overlaps[i];
    table.row({findings.facts(overlap.one).name + ", " + findings.facts(overlap.other).name,
               grouped(overlap.both.v4), nothing_for_zero(count_text_v6(overlap.both.v6)),
               share_of(findings, overlap, overlap.one),
               share_of(findings, overlap, overlap.other)});
  }
  table.print(std::cout, 0);
  if (findings.shown_overlaps < overlaps.size())
    std::cout << counted(overlaps.size() - findings.shown_overlaps, "pair", "pairs")
              << " more with less (--all)\n";
}

boost::json::value expiry_json(int64_t expires_at) {
  if (expires_at == kNeverExpires) return nullptr;
  return expires_at;
}

boost::json::object list_json(const Findings& findings, size_t list) {
  const auto& facts = findings.facts(list);
  const auto& coverage = findings.coverage.lists[list];
  boost::json::array sublists;
  for (const size_t number : findings.sublists_of[list]) {
    const auto& sublist = findings.snapshot->sublists()[number];
    sublists.push_back(
        boost::json::object{{"name", json_text(findings.sublist_name(number))},
                            {"category", json_text(sublist.category)},
                            {"weight", sublist.weight},
                            {"entries", findings.sublist_entries[number]},
                            {"addresses", count_json(findings.coverage.sublists[number])},
                            {"expires", expiry_json(sublist.expires_at)},
                            {"expired", !sublist.counts_at(findings.now)}});
  }
  return {{"name", json_text(facts.name)},
          {"file", json_text(facts.file)},
          {"format", json_text(facts.format)},
          {"category", json_text(facts.category)},
          {"weight", facts.weight},
          {"entries", facts.entries},
          {"skipped", facts.skipped},
          {"addresses", count_json(coverage.covered)},
          {"share", boost::json::object{{"v4", coverage.covered.share_v4()},
                                        {"v6", coverage.covered.share_v6()}}},
          {"only_here", count_json(coverage.alone)},
          {"adds_nothing", coverage.adds_nothing()},
          {"adds_nothing_to_category", coverage.adds_nothing_to_category()},
          {"modified", facts.modified_at},
          {"changed", facts.changed_at},
          {"expires", expiry_json(facts.expires_at.value_or(kNeverExpires))},
          {"expired", findings.is_expired(list)},
          {"stale", findings.is_stale(list)},
          {"kept_previous", facts.kept_previous},
          {"sublists", std::move(sublists)}};
}

boost::json::object to_json(const Findings& findings) {
  boost::json::array lists, overlaps;
  for (size_t i = 0; i < findings.snapshot->lists().size(); i++)
    lists.push_back(list_json(findings, i));
  for (size_t i = 0; i < findings.shown_overlaps; i++) {
    const auto& overlap = findings.coverage.overlaps[i];
    overlaps.push_back(boost::json::object{
        {"lists", boost::json::array{json_text(findings.facts(overlap.one).name),
                                     json_text(findings.facts(overlap.other).name)}},
        {"addresses", count_json(overlap.both)}});
  }
  return {{"policy", json_text(findings.snapshot->policy().file())},
          {"generation", findings.snapshot->generation()},
          {"created", findings.snapshot->created()},
          {"addresses", count_json(findings.coverage.any)},
          {"lists", std::move(lists)},
          {"overlaps", std::move(overlaps)},
          {"overlap_count", findings.coverage.overlaps.size()}};
}

int run(const Invocation& invocation) {
  const auto findings = find(invocation);
  if (invocation.json()) {
    std::cout << boost::json::serialize(to_json(findings)) << '\n';
    return kFine;
  }
  if (findings.snapshot->lists().empty()) {
    std::cout << "the policy has no list\n";
    return kFine;
  }
  print_lists(findings);
  std::cout << '\n';
  print_overlaps(findings);
  const auto& any = findings.coverage.any;
  std::cout << "\nin any list: " << counted(any.v4, "IPv4 address", "IPv4 addresses") << " ("
            << percent_text(any.share_v4()) << ")";
  if (any.v6 > 0)
    std::cout << ", " << count_text_v6(any.v6) << " of IPv6 (" << percent_text(any.share_v6())
              << " of 2000::/3)";
  std::cout << '\n';
  return kFine;
}

}  // namespace

const Command kListsCommand = {
    "lists",
    "Says what each list covers, and what it has in common with the others",
    "[--policy FILE | --snapshot FILE] [--all]",
    "Lists and entries that have expired cover nothing. A list adds nothing when every address\n"
    "of it is in another list of the same category; it adds only its category when every address\n"
    "is in another list of whatever category.\n"
    "Without --policy and --snapshot: /var/lib/postern/snapshot, else "
    "/etc/postern/postern.policy.\n",
    declare,
    run,
};

}  // namespace postern::cli
