// SPDX-License-Identifier: BSD-3-Clause
//
// Judging a class as if it were another (rules/compile/alternatives.h).
#include "rules/compile/alternatives.h"

#include <algorithm>

#include "rules/compile/matrix.h"

namespace postern {
namespace {

class Judge {
 public:
  Judge(const Snapshot& snapshot, size_t service, int64_t now)
      : snapshot_(snapshot), service_(service), now_(now) {}

  // The verdict of the service for a class with these members.
  ps_verdict verdict_of(std::vector<uint32_t> members) const {
    const auto matrix = matrix_of(std::move(members));
    return matrix.rows[matrix.row_of_service[service_]].front();
  }
  // The number of the rule whose limit that verdict has; 0: none.
  uint16_t limit_rule_of(std::vector<uint32_t> members) const {
    const auto matrix = matrix_of(std::move(members));
    const auto& row = matrix.limit_rules[matrix.row_of_service[service_]];
    return row.empty() ? uint16_t{0} : row.front();
  }

 private:
  // Of the one class.
  Matrix matrix_of(std::vector<uint32_t> members) const {
    const std::vector<std::vector<uint32_t>> classes = {std::move(members)};
    return build_matrix({.policy = snapshot_.policy(),
                         .sublists = snapshot_.sublists(),
                         .classes = classes,
                         .protect_owner = static_cast<uint32_t>(snapshot_.sublists().size()),
                         .now = now_});
  }

  const Snapshot& snapshot_;
  const size_t service_;
  const int64_t now_;
};

}  // namespace

ps_verdict verdict_at(const Snapshot& snapshot, size_t service, ClassId address_class,
                      int64_t now) {
  return Judge(snapshot, service, now).verdict_of(snapshot.members_of(address_class));
}

const ConnectionRule* limit_rule_at(const Snapshot& snapshot, size_t service, ClassId address_class,
                                    int64_t now) {
  const auto members = snapshot.members_of(address_class);
  return snapshot.rule_of(service, Judge(snapshot, service, now).limit_rule_of(members));
}

std::vector<Alternative> alternatives_for(const Snapshot& snapshot, size_t service,
                                          ClassId address_class, int64_t now) {
  const Judge judge(snapshot, service, now);
  const auto sublists = snapshot.sublists_of(address_class);
  const auto action = verdict_at(snapshot, service, address_class, now).action;
  std::vector<Alternative> alternatives;
  if (snapshot.is_protected(address_class, now)) {
    std::vector<uint32_t> unprotected;
    for (const uint32_t sublist : sublists)
      if (!snapshot.sublists()[sublist].is_protected) unprotected.push_back(sublist);
    const auto verdict = judge.verdict_of(unprotected);
    if (verdict.action != action) alternatives.push_back({{}, verdict});
    return alternatives;
  }

  const auto without = [&](const std::vector<size_t>& lists) {
    std::vector<uint32_t> others;
    for (const uint32_t sublist : sublists)
      if (std::ranges::find(lists, snapshot.sublists()[sublist].list) == lists.end())
        others.push_back(sublist);
    return judge.verdict_of(std::move(others));
  };
  auto lists = snapshot.lists_of(address_class, now);
  const auto unlisted = without(lists).action;
  bool is_reached = unlisted == action;
  for (const size_t list : lists) {
    const auto verdict = without({list});
    if (verdict.action == action) continue;
    alternatives.push_back({{list}, verdict});
    is_reached = is_reached || verdict.action == unlisted;
  }
  if (is_reached) return alternatives;
  // Each that may come back does.
  for (const size_t list : std::vector(lists)) {
    auto fewer = lists;
    std::erase(fewer, list);
    if (without(fewer).action == unlisted) lists = std::move(fewer);
  }
  const auto verdict = without(lists);
  alternatives.push_back({std::move(lists), verdict});
  return alternatives;
}

}  // namespace postern
