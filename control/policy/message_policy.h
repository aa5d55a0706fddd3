// SPDX-License-Identifier: BSD-3-Clause
//
// MessagePolicy: the `message` rules of a policy, applied to facts. Pure. Where DNS failed, the
// rules are tried under every result that the missing answer could have led to; only if those
// disagree is the message deferred.
#pragma once

#include <memory>

#include "control/policy/facts.h"
#include "rules/snapshot/snapshot.h"

namespace postern::policy {

class MessagePolicy {
 public:
  // Rules, lists of domains and categories come from the snapshot. Never null.
  explicit MessagePolicy(std::shared_ptr<const Snapshot> snapshot);
  Disposition decide(const SessionFacts& session, const MessageFacts& message) const;
  const Snapshot& snapshot() const noexcept { return *snapshot_; }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
};

}  // namespace postern::policy
