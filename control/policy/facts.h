// SPDX-License-Identifier: BSD-3-Clause
//
// SessionFacts and MessageFacts: all that a decision about a message may rest on. Facts are
// gathered first, by others; deciding looks at nothing else (control/policy/message_policy.h).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/auth_result.h"
#include "control/policy/client_names.h"
#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern::policy {

struct SessionFacts {
  std::optional<IpAddress> client;  // nullopt: none, or not known
  uint16_t client_port = 0;
  std::string helo;
  bool tls = false;
  ClassId address_class = 0;
  ClientNames names = {};  // without a client: of nobody
};

struct KnownDomain {
  std::string domain;
  double reputation = 0.5;
};

struct MessageFacts {
  std::string mail_from;  // without the angle brackets; empty: the null sender
  auth::AuthResult auth;
  // The domain that reputation is kept for: d= of the first signature that passed; empty: none.
  std::string signing_domain;
  std::optional<double> reputation;  // 0 bad .. 1 good; nullopt: nothing is known
  // The same for every d= of the message of which something is known, whatever its result: a
  // signature whose key did not come might have passed, and then its domain's would count.
  std::vector<KnownDomain> known_domains;
  // Of those, of which it could not be read what is known: a fault of ours.
  std::vector<std::string> reputation_missing = {};
  int64_t now = 0;  // Unix seconds: lists past their expiry count as empty
};

// From the mildest to the strictest. kQuarantine: handed on, but for nobody's eyes until somebody
// of the site has looked.
enum class Action : uint8_t { kAccept, kTag, kQuarantine, kDefer, kReject };

struct Disposition {
  Action action = Action::kAccept;
  std::string rule;         // as written in the policy; empty: no rule decided
  std::string rule_place;   // "file:line"; empty as the rule
  std::string explanation;  // one line for logs and for the sender
  std::string contact;      // of the list concerned, where it names one: where to object
  bool for_dns = false;     // deferred only because an answer of the DNS is missing
  // The source is to be an entry in the engines for so long; 0: it is not.
  std::chrono::seconds learn{0};
  bool for_split = false;  // deferred only because its recipients are judged differently
};

std::string_view word(Action action) noexcept;  // "accept", "tag", ...

}  // namespace postern::policy
