// SPDX-License-Identifier: BSD-3-Clause
//
// SessionFacts and MessageFacts: all that a decision about a message may rest on. Facts are
// gathered first, by others; deciding looks at nothing else (control/policy/message_policy.h).
#pragma once

#include <optional>
#include <string>

#include "control/auth/auth_result.h"
#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern::policy {

struct SessionFacts {
  IpAddress client;
  uint16_t client_port = 0;
  std::string helo;
  bool tls = false;
  ClassId address_class = 0;
};

struct MessageFacts {
  std::string mail_from;  // without the angle brackets; empty: the null sender
  auth::AuthResult auth;
  // The domain that reputation is kept for: d= of the first signature that passed; empty: none.
  std::string signing_domain;
  std::optional<double> reputation;  // 0 bad .. 1 good; nullopt: nothing is known
};

enum class Action : uint8_t { kAccept, kTag, kDefer, kReject };

struct Disposition {
  Action action = Action::kAccept;
  std::string rule;        // as written in the policy; empty: no rule decided
  uint32_t rule_line = 0;
  std::string explanation;  // one line for logs and for the sender
};

}  // namespace postern::policy
