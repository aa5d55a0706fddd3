// SPDX-License-Identifier: BSD-3-Clause
//
// The policy itself is not held on to: a client that drips would keep an old snapshot in memory.
#include "control/policy/envelope_judge.h"

#include <algorithm>
#include <set>

namespace postern::policy {
namespace {

Disposition split(const std::vector<Party>& parties) {
  std::set<Action> actions;
  for (const auto& party : parties) actions.insert(party.disposition.action);
  std::string words;
  for (const Action action : actions)
    words += (words.empty() ? "" : ", ") + std::string(word(action));
  Disposition disposition;
  disposition.action = Action::kDefer;
  disposition.for_split = true;
  disposition.explanation = "its recipients are judged by different rules, and differently (" +
                            words + "); try again, they will be taken in turn";
  return disposition;
}

EnvelopeJudge::Refused another_time() {
  Disposition disposition;
  disposition.action = Action::kDefer;
  disposition.for_split = true;
  disposition.explanation = "it is not taken along with others, whom other rules judge";
  return {
      .disposition = std::move(disposition),
      .refusal = {.code = 452,
                  .enhanced = "4.5.3",
                  .text = "recipients whom different rules judge are taken in turn; try again"}};
}

}  // namespace

std::optional<EnvelopeJudge::Refused> EnvelopeJudge::ask(const PolicyPointer& policy,
                                                         SessionFacts session,
                                                         std::string_view recipient, int64_t now) {
  meet(policy, now);
  session.address_class =
      session.client ? policy->snapshot().class_of(*session.client) : ClassId{0};
  const RuleBlock block = policy->block_of(recipient, now);
  if (auto early = policy->decide_early(session, block, now)) {
    auto refusal = refusal_of(*early);
    return Refused{.disposition = std::move(*early), .refusal = std::move(refusal)};
  }
  if (recipients_.size() >= kMaxRecipients || !admits(*policy, block, now)) return another_time();
  return std::nullopt;
}

void EnvelopeJudge::take(const PolicyPointer& policy, std::string recipient, int64_t now) {
  meet(policy, now);
  const RuleBlock block = policy->block_of(recipient, now);
  const auto standing = splits_.find(sender_, policy->name_of(block), now);
  if (side_ == 0 && standing) side_ = standing->side;
  add(block);
  recipients_.push_back(std::move(recipient));
}

Disposition EnvelopeJudge::decide(const PolicyPointer& policy, const SessionFacts& session,
                                  const MessageFacts& message) {
  meet(policy, message.now);
  if (blocks_.size() <= 1)
    return policy->decide(session, message,
                          blocks_.empty() ? RuleBlock::kGeneral : blocks_.front());
  std::vector<Party> parties;
  for (const RuleBlock block : blocks_)
    parties.push_back({policy->name_of(block), policy->decide(session, message, block)});
  if (agree(parties)) return parties.front().disposition;
  splits_.remember(sender_, parties, message.now);
  return split(parties);
}

// Whoever waited for these waits no longer: they need not stand back for it.
void EnvelopeJudge::settle(const PolicyPointer& policy, int64_t now) {
  meet(policy, now);
  for (const auto name : names_of_blocks(*policy)) {
    auto standing = splits_.find(sender_, name, now);
    if (!standing || !standing->stands_back) continue;
    standing->stands_back = false;
    splits_.set(sender_, name, *standing, now);
  }
}

bool EnvelopeJudge::only_roles() const noexcept {
  return blocks_.size() == 1 && blocks_.front() == RuleBlock::kRole;
}

void EnvelopeJudge::meet(const PolicyPointer& policy, int64_t now) {
  if (met_.lock() == policy) return;
  met_ = policy;
  blocks_.clear();
  stood_back_.clear();
  for (const auto& recipient : recipients_) add(policy->block_of(recipient, now));
}

void EnvelopeJudge::add(RuleBlock block) {
  if (std::find(blocks_.begin(), blocks_.end(), block) == blocks_.end()) blocks_.push_back(block);
}

bool EnvelopeJudge::admits(const MessagePolicy& policy, RuleBlock block, int64_t now) {
  if (std::find(blocks_.begin(), blocks_.end(), block) != blocks_.end()) return true;
  const auto name = policy.name_of(block);
  auto standing = splits_.find(sender_, name, now);
  if (blocks_.empty()) {
    if (std::find(stood_back_.begin(), stood_back_.end(), block) != stood_back_.end()) return false;
    if (!standing || !standing->stands_back) return true;
    standing->stands_back = false;
    splits_.set(sender_, name, *standing, now);
    stood_back_.push_back(block);
    return false;
  }
  const bool room = blocks_.size() < kMaxBlocks && !splits_.crowded(now);
  const bool together = side_ == 0 || !standing || standing->side == side_;
  if (room && together) return true;
  if (strangers_.taken == 0) strangers_ = splits_.new_sides();
  splits_.pass_over(sender_, name, names_of_blocks(policy), strangers_, now);
  if (side_ == 0) side_ = strangers_.taken;
  return false;
}

std::vector<std::string_view> EnvelopeJudge::names_of_blocks(const MessagePolicy& policy) const {
  std::vector<std::string_view> names;
  for (const RuleBlock block : blocks_) names.push_back(policy.name_of(block));
  return names;
}

}  // namespace postern::policy
