// SPDX-License-Identifier: BSD-3-Clause
//
// How the mail server's client behaves, and what it hears for that: its name in HELO, its
// recipients, spamtraps; and what is remembered of it, for a while or with the engines.
#include "control/milter/session.h"

#include <ctime>
#include <utility>

#include "control/learning/rule_lesson.h"
#include "control/learning/trap_hit.h"
#include "control/policy/conduct_refusals.h"
#include "control/policy/exemption.h"
#include "control/policy/greylisting.h"
#include "control/policy/message_log.h"
#include "control/policy/rate_table.h"
#include "control/policy/role_address.h"
#include "control/policy/source_of.h"

namespace postern::milter {

std::optional<policy::Refusal> Session::refusal_of_helo() {
  if (!client_.address || is_own_mail()) return std::nullopt;
  const auto& policy = *service_.judging.policy;
  const Signature* signature = policy.signature_in(client_.helo);
  const bool matches = signature != nullptr || (service_.helo_patterns != nullptr &&
                                                service_.helo_patterns->match(client_.helo));
  if (!matches ||
      policy::is_exempt(policy.snapshot(), *client_.address, std::nullopt, std::time(nullptr)))
    return std::nullopt;
  note_name(signature);
  return policy::refusal_of_bot_name(client_.helo);
}

void Session::note_name(const Signature* signature) {
  if (client_.offended) return;
  make_stranger();
  if (service_.evidence == nullptr) return;
  const int64_t now = std::time(nullptr);
  if (signature != nullptr && signature->learn.count() > 0)
    service_.learning->learn(learning::lesson_of(*signature, *client_.address, std::nullopt,
                                                 message_id(), client_.helo, now),
                             now, signature->learn);
  else
    learning::note_offence(*service_.evidence, *service_.learning, *client_.address, std::nullopt,
                           learning::Offence::kBotName,
                           {now, message_id(), "said HELO " + client_.helo});
}

void Session::make_stranger() {
  client_.offended = true;
  if (service_.known != nullptr) service_.known->forget(policy::source_of(*client_.address));
}

void Session::note_trap_hit() {
  if (message_->traps.empty() || !client_.address || client_.offended ||
      service_.evidence == nullptr ||
      !learning::trap_hit_counts(message_->mail.sender, message_->automatic))
    return;
  const int64_t now = std::time(nullptr);
  if (policy::is_exempt(service_.judging.policy->snapshot(), *client_.address, std::nullopt, now))
    return;
  make_stranger();
  learning::note_offence(*service_.evidence, *service_.learning, *client_.address, std::nullopt,
                         learning::Offence::kSpamtrap, {now, message_id(), "wrote to a spamtrap"});
}

std::optional<policy::Refusal> Session::refusal_of_recipient(const std::string& recipient) {
  const int64_t now = std::time(nullptr);
  const auto& policy = service_.judging.policy;
  if (client_.address && policy::is_role_address(recipient) &&
      !service_.limits.take(policy::Limited::kRoleRecipients, policy::source_of(*client_.address),
                            policy::rate_time()) &&
      !policy::is_exempt(policy->snapshot(), *client_.address, std::nullopt, now))
    return policy::too_many_recipients();
  auto refused = message_->envelope.ask(policy, session_facts(), recipient, now);
  if (!refused) return greylisted(recipient);
  learn(session_facts(), refused->disposition);
  const std::string id = message_id();
  const std::string words = policy::one_line(refused->refusal);
  policy::log_recipient(refused->disposition, {.id = id,
                                               .client = client_.address,
                                               .mail_from = message_->mail.sender,
                                               .recipient = recipient,
                                               .reply = words});
  return std::move(refused->refusal);
}

std::optional<policy::Refusal> Session::greylisted(const std::string& recipient) {
  const int64_t now = std::time(nullptr);
  if (service_.known == nullptr || service_.greylist == nullptr || !client_.address ||
      policy::is_exempt(service_.judging.policy->snapshot(), *client_.address, std::nullopt, now))
    return std::nullopt;
  return policy::hold_back(*service_.known, *service_.greylist, *client_.address,
                           message_->mail.sender, recipient, now);
}

void Session::learn(const policy::SessionFacts& session, const policy::Disposition& disposition) {
  auto* const learning = service_.learning;
  const int64_t now = std::time(nullptr);
  auto lesson = learning::lesson_of(session, disposition, message_id(), now);
  if (!lesson || client_.learned || learning == nullptr) return;
  client_.learned = true;
  learning->learn(std::move(*lesson), now, disposition.learn);
}

void Session::part_from_client() {
  if (service_.known != nullptr && client_.address && client_.accepted > 0 && !client_.offended)
    service_.known->remember(policy::source_of(*client_.address), std::time(nullptr));
  client_ = {};
}

}  // namespace postern::milter
