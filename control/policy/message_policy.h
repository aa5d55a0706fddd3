// SPDX-License-Identifier: BSD-3-Clause
//
// MessagePolicy: the `message` rules of a policy, applied to facts. Pure. Where DNS failed, the
// rules are tried under every result that the missing answer could have led to; only if those
// disagree is the message deferred.
#pragma once

#include <memory>
#include <string_view>

#include "control/policy/facts.h"
#include "rules/snapshot/snapshot.h"
#include "rules/text/pattern_set.h"

namespace postern::policy {

class MessagePolicy {
 public:
  // Rules, lists of domains and categories come from the snapshot. Never null.
  explicit MessagePolicy(std::shared_ptr<const Snapshot> snapshot);
  Disposition decide(const SessionFacts& session, const MessageFacts& message) const;
  // The first `signature` of the policy that is found in what a client says in HELO or EHLO;
  // nullptr: none. By one thread only.
  const Signature* signature_in(std::string_view helo) const noexcept;
  // Whether what becomes of a message may depend on the names that reverse DNS gives its client.
  bool looks_at_names() const noexcept { return looks_at_names_; }
  const Snapshot& snapshot() const noexcept { return *snapshot_; }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  const PatternSet signatures_;
  const PatternSet::Scratch scratch_;
  const bool looks_at_names_;
};

}  // namespace postern::policy
