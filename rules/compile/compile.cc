// SPDX-License-Identifier: BSD-3-Clause
//
// The steps of compiling, one after the other (rules/compile/compile.h).
#include "rules/compile/compile.h"

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>

#include "rules/compile/assemble.h"
#include "rules/compile/classes.h"
#include "rules/compile/load_lists.h"
#include "rules/compile/matrix.h"
#include "rules/compile/refusal_texts.h"
#include "rules/compile/service_sets.h"

namespace postern {
namespace {

// Microseconds of the clock, but always beyond the previous generation, whatever the clock does.
uint64_t next_generation(const CompileOptions& options) {
  using std::chrono::microseconds;
  const auto clock = options.now ? microseconds(options.now->time_since_epoch())
                                 : std::chrono::duration_cast<microseconds>(
                                       std::chrono::system_clock::now().time_since_epoch());
  const auto generation = static_cast<uint64_t>(std::max<int64_t>(clock.count(), 1));
  return options.previous ? std::max(generation, options.previous->generation() + 1) : generation;
}

// The lists with the most entries.
std::string names_of_largest(const std::vector<LoadedList>& lists) {
  constexpr size_t kShown = 3;
  std::vector<const ListReport*> reports;
  for (const auto& list : lists) reports.push_back(&list.report);
  std::ranges::stable_sort(reports, std::greater<>(), &ListReport::entries);
  std::string names;
  for (size_t i = 0; i < std::min(kShown, reports.size()); i++)
    names += (i ? ", " : "") + reports[i]->name + " (" + std::to_string(reports[i]->entries) + ")";
  return names;
}

}  // namespace

CompileResult compile(const Policy& policy, const CompileOptions& options) {
  const auto now = options.now.value_or(
      std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()));
  CompileResult result;
  const auto began = std::chrono::steady_clock::now();
  const auto lists = load_lists(policy, options, now, result.warnings);
  const auto read = std::chrono::steady_clock::now();
  const auto classes = assign_classes(policy, lists);
  const auto matrix = build_matrix({.policy = policy,
                                    .sublists = classes.sublists,
                                    .classes = classes.members,
                                    .protect_owner = classes.protect_owner,
                                    .now = now.time_since_epoch().count()});
  const RefusalTexts texts(policy, classes.sublists);
  const auto services = assign_service_sets(policy, matrix.row_of_service, texts);
  try {
    result.bytes = assemble({.policy = policy,
                             .lists = lists,
                             .classes = classes,
                             .matrix = matrix,
                             .services = services,
                             .texts = texts.compose((matrix.features & PS_FEATURE_REFUSE) != 0),
                             .generation = next_generation(options),
                             .created = static_cast<uint64_t>(now.time_since_epoch().count())});
  } catch (const std::length_error& error) {
    throw BadInput(Diagnostic{
        .file = policy.file(),
        .message = std::string(error.what()) + "; most entries are of " + names_of_largest(lists)});
  }
  for (const auto& list : lists) result.lists.push_back(list.report);
  result.classes = static_cast<uint32_t>(classes.members.size());
  result.features = matrix.features;
  result.reading = read - began;
  result.compiling = std::chrono::steady_clock::now() - read;
  return result;
}

}  // namespace postern
