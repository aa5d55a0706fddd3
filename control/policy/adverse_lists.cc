// SPDX-License-Identifier: BSD-3-Clause
//
// For its lists: what an address in no list would get as well is not for them.
#include "control/policy/adverse_lists.h"

#include <algorithm>
#include <variant>

#include "rules/compile/alternatives.h"

namespace postern::policy {
namespace {

bool is_stopped(const ps_verdict& verdict) noexcept {
  return verdict.action == PS_ACTION_DROP || verdict.action == PS_ACTION_RESET ||
         verdict.action == PS_ACTION_REFUSE;
}

bool acts_against(const MessageRule& rule, const Snapshot& snapshot, ClassId address_class,
                  int64_t now) {
  if (rule.action == MessageAction::kAccept || rule.action == MessageAction::kTag) return false;
  const auto sublists = snapshot.sublists_of(address_class);
  return std::ranges::any_of(rule.conditions, [&](const Condition& condition) {
    return std::ranges::any_of(sublists, [&](uint32_t number) {
      const auto& sublist = snapshot.sublists()[number];
      if (!sublist.counts_at(now)) return false;
      if (const auto* in_category = std::get_if<SourceInCategory>(&condition))
        return sublist.category == in_category->category;
      const auto* in_list = std::get_if<SourceInList>(&condition);
      return in_list != nullptr && in_list->list == sublist.list;
    });
  });
}

}  // namespace

bool is_listed_against(const Snapshot& snapshot, ClassId address_class, int64_t now) {
  if (snapshot.lists_of(address_class, now).empty()) return false;
  const auto& policy = snapshot.policy();
  for (size_t service = 0; service < policy.services.size(); service++) {
    const auto verdict = verdict_at(snapshot, service, address_class, now);
    const auto unlisted = verdict_at(snapshot, service, ClassId{0}, now);
    if (is_stopped(verdict) && !is_stopped(unlisted)) return true;
    if (verdict.limit != 0 && verdict.limit != unlisted.limit) return true;
  }
  const auto against = [&](const MessageRule& rule) {
    return acts_against(rule, snapshot, address_class, now);
  };
  return std::ranges::any_of(policy.messages, against) ||
         std::ranges::any_of(policy.message_blocks, [&](const MessageBlock& block) {
           return std::ranges::any_of(block.rules, against);
         });
}

}  // namespace postern::policy
