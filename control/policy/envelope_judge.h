// SPDX-License-Identifier: BSD-3-Clause
//
// EnvelopeJudge: what the policy says of the recipients of one message, at RCPT and at the end of
// the text, whichever front door it came to. Refused at RCPT is what no text could save (the rules
// look at the session alone), and who cannot go with those before it (recipient_splits.h). At the
// end the blocks of all recipients decide; where they differ, the message is deferred, so that each
// side can come by itself. Pure. Each call names the policy in force, which may be another one
// after a reload: recipients are then sorted anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/policy/disposition_text.h"
#include "control/policy/facts.h"
#include "control/policy/message_policy.h"
#include "control/policy/recipient_splits.h"

namespace postern::policy {

class EnvelopeJudge {
 public:
  using PolicyPointer = std::shared_ptr<const MessagePolicy>;
  static constexpr size_t kMaxBlocks = 16;           // whose rules are asked at the end
  static constexpr size_t kMaxRecipients = 100'000;  // beyond them 452

  // sender: without brackets; empty: the null sender. splits outlives this.
  EnvelopeJudge(RecipientSplits& splits, std::string sender)
      : splits_(splits), sender_(std::move(sender)) {}

  struct Refused {
    Disposition disposition;
    Refusal refusal;
  };
  // At RCPT; nullopt: as far as the policy is concerned it may be taken. session.address_class is
  // looked up here. now: Unix seconds.
  std::optional<Refused> ask(const PolicyPointer& policy, SessionFacts session,
                             std::string_view recipient, int64_t now);
  // It was taken, or nobody will say whether it was.
  void take(const PolicyPointer& policy, std::string recipient, int64_t now);

  // At the end. Without recipients the general rules decide.
  Disposition decide(const PolicyPointer& policy, const SessionFacts& session,
                     const MessageFacts& message);

  // The client was told for good what became of the message.
  void settle(const PolicyPointer& policy, int64_t now);

  const std::vector<std::string>& recipients() const noexcept { return recipients_; }
  // True while all of them are role addresses: what becomes of the message says nothing of its
  // sender.
  bool only_roles() const noexcept;

 private:
  void meet(const PolicyPointer& policy, int64_t now);
  void add(RuleBlock block);
  bool admits(const MessagePolicy& policy, RuleBlock block, int64_t now);
  std::vector<std::string_view> names_of_blocks(const MessagePolicy& policy) const;

  RecipientSplits& splits_;
  const std::string sender_;
  std::vector<std::string> recipients_;     // that were taken
  std::weak_ptr<const MessagePolicy> met_;  // by which blocks_ are sorted
  std::vector<RuleBlock> blocks_;           // of recipients_, each once, in the order of the first
  uint64_t side_ = 0;                       // of those that were taken; 0: none has one
  std::vector<RuleBlock> stood_back_;       // before anybody was taken, for this transaction
  RecipientSplits::Sides strangers_;        // for those that have none when somebody is passed over
};

}  // namespace postern::policy
