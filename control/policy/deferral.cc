// SPDX-License-Identifier: BSD-3-Clause
//
// Where several are missing, the key is named first: its owner can do something about it.
#include "control/policy/deferral.h"

namespace postern::policy {
namespace {

// The rules disagree only about the names: nothing is missing of the message.
Disposition deferral_for_names(const SessionFacts& session) {
  Disposition disposition;
  disposition.action = Action::kDefer;
  disposition.for_dns = true;
  disposition.explanation = "the DNS did not answer for your reverse name (" + session.names.fault +
                            "), and what becomes of the message depends on it";
  return disposition;
}

// What is known of its domains is missing, and no key.
Disposition deferral_for_reputation(const MessageFacts& message) {
  Disposition disposition;
  disposition.action = Action::kDefer;
  disposition.explanation = "what is known of " + message.reputation_missing.front() +
                            " cannot be read now, and what becomes of the message depends on it";
  return disposition;
}

// Of a message of which a key is missing.
Disposition deferral_for_key(const MessageFacts& message) {
  Disposition disposition;
  disposition.action = Action::kDefer;
  disposition.for_dns = true;
  const auto& signature = message.auth.dkim[missing_of(message.auth).front()];
  disposition.explanation = "the DNS did not answer for the key " + signature.selector +
                            "._domainkey." + signature.domain +
                            ", and what becomes of the message depends on it";
  return disposition;
}

}  // namespace

std::vector<size_t> missing_of(const auth::AuthResult& auth) {
  std::vector<size_t> missing;
  for (size_t i = 0; i < auth.dkim.size(); i++)
    if (auth.dkim[i].result == auth::Result::kTempError && !auth.dkim[i].given_up)
      missing.push_back(i);
  return missing;
}

Disposition deferral(const SessionFacts& session, const MessageFacts& message) {
  if (!missing_of(message.auth).empty()) return deferral_for_key(message);
  return message.reputation_missing.empty() ? deferral_for_names(session)
                                            : deferral_for_reputation(message);
}

}  // namespace postern::policy
