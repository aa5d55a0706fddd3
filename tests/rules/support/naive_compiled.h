// SPDX-License-Identifier: BSD-3-Clause
//
// A NaiveSite compiled by the real compiler, from its lines as they are: no list format is
// involved.
#pragma once

#include <memory>
#include <vector>

#include "rules/compile/assemble.h"
#include "rules/compile/classes.h"
#include "rules/compile/matrix.h"
#include "rules/compile/service_sets.h"
#include "rules/policy/parse.h"
#include "rules/snapshot/snapshot.h"
#include "tests/rules/support/naive_site.h"

namespace postern::test {

inline std::vector<LoadedList> loaded(const NaiveSite& site) {
  std::vector<LoadedList> lists;
  for (const auto& naive : site.lists) {
    auto& list = lists.emplace_back();
    list.report.name = list.report.file = naive.name;
    list.content.overlap = naive.overlap;
    list.expires_at = naive.expires_at;
    for (size_t i = 0; i < naive.lines.size(); i++)
      list.content.add(naive.lines[i].range, static_cast<uint32_t>(i + 1),
                       list.content.notes.number_of(naive.lines[i].note));
    list.report.entries = list.content.size();
  }
  return lists;
}

inline std::shared_ptr<const Snapshot> compiled(const NaiveSite& site, int64_t now) {
  const auto policy = parse_policy(site.policy(), "site.policy");
  const auto lists = loaded(site);
  const auto classes = assign_classes(policy, lists);
  const auto matrix = build_matrix({.policy = policy,
                                    .sublists = classes.sublists,
                                    .classes = classes.members,
                                    .protect_owner = classes.protect_owner,
                                    .now = now});
  const RefusalTexts texts(policy, classes.sublists);
  const auto services = assign_service_sets(policy, matrix.row_of_service, texts);
  return Snapshot::from_bytes(assemble({.policy = policy,
                                        .lists = lists,
                                        .classes = classes,
                                        .matrix = matrix,
                                        .services = services,
                                        .texts = texts.compose(true),
                                        .generation = 1,
                                        .created = static_cast<uint64_t>(now)}),
                              "naive");
}

}  // namespace postern::test
