// SPDX-License-Identifier: BSD-3-Clause
//
// MessagePolicy: the `message` rules of a policy, applied to facts. Pure. Where DNS failed, the
// rules are tried under every result that the missing answer could have led to; only if those
// disagree is the message deferred. Rules that look at nothing of the message can refuse it before
// it comes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "control/policy/facts.h"
#include "control/policy/recipient_blocks.h"
#include "rules/snapshot/snapshot.h"
#include "rules/text/pattern_set.h"

namespace postern::policy {

class MessagePolicy {
 public:
  // Rules, lists of domains and categories come from the snapshot. Never null.
  explicit MessagePolicy(std::shared_ptr<const Snapshot> snapshot);
  // By the rules for recipients of that block.
  Disposition decide(const SessionFacts& session, const MessageFacts& message,
                     RuleBlock block = RuleBlock::kGeneral) const;
  // What decide() would say of every message of the session, where that is to reject or to defer;
  // nullopt: it depends on the message, or is mild. now: Unix seconds.
  std::optional<Disposition> decide_early(const SessionFacts& session, RuleBlock block,
                                          int64_t now) const;
  // As RecipientBlocks has it.
  RuleBlock block_of(std::string_view recipient, int64_t now) const {
    return blocks_.block_of(recipient, now);
  }
  // The header of a block, as written; no two blocks have the same.
  std::string_view name_of(RuleBlock block) const;
  // The first `signature` of the policy that is found in what a client says in HELO or EHLO;
  // nullptr: none. By one thread only.
  const Signature* signature_in(std::string_view helo) const noexcept;
  const Snapshot& snapshot() const noexcept { return *snapshot_; }

 private:
  const std::vector<MessageRule>& rules_of(RuleBlock block) const;

  std::shared_ptr<const Snapshot> snapshot_;
  RecipientBlocks blocks_;
  const PatternSet signatures_;
  const PatternSet::Scratch scratch_;
};

}  // namespace postern::policy
