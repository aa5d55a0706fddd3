// SPDX-License-Identifier: BSD-3-Clause
//
// What strangers said goes through log_value().
#include "control/policy/message_log.h"

#include <spdlog/spdlog.h>

#include <string>

#include "control/policy/log_text.h"

namespace postern::policy {
namespace {

std::string or_dash(std::string_view text) {
  return text.empty() ? "-" : log_value(text);
}

// The passing result, or the first signature's.
const auth::DkimResult* telling_signature(const auth::AuthResult& auth) {
  for (const auto& signature : auth.dkim)
    if (signature.result == auth::Result::kPass) return &signature;
  return auth.dkim.empty() ? nullptr : &auth.dkim.front();
}

std::string rule_or_reason(const Disposition& disposition) {
  return log_value(disposition.rule.empty() ? disposition.explanation : disposition.rule);
}

std::string lists_of(const Judgement& judgement) {
  const auto& snapshot = judgement.policy->snapshot();
  std::string names;
  for (const size_t list : snapshot.lists_of(judgement.session.address_class, judgement.facts.now))
    names += (names.empty() ? "" : ",") + snapshot.lists()[list].name;
  return names.empty() ? "-" : names;
}

}  // namespace

void log_recipient(const Disposition& disposition, const RecipientRecord& record) {
  spdlog::info("recipient id={} client={} from={} to={} action={} rule={} place={} reply={}",
               record.id, record.client ? record.client->to_string() : "unknown",
               log_value("<" + std::string(record.mail_from) + ">"), log_value(record.recipient),
               word(disposition.action), rule_or_reason(disposition),
               or_dash(disposition.rule_place), log_value(record.reply));
}

void log_message(const Judgement& judgement, const MessageRecord& record) {
  const auto& [policy, session, facts, disposition] = judgement;
  const auto* signature = telling_signature(facts.auth);
  const std::chrono::duration<double> took = record.took;
  spdlog::info(
      "message id={} queue={} client={} class={} helo={} tls={} from={} rcpts={} size={} dkim={} "
      "domain={} reputation={} dns={} removed={} action={} rule={} place={} reply={} "
      "seconds={:.3f}",
      record.id, or_dash(record.queue), session.client ? session.client->to_string() : "unknown",
      lists_of(judgement), log_value(session.helo), or_dash(record.tls),
      log_value("<" + facts.mail_from + ">"), record.recipients, record.size,
      facts.auth_unknown ? "unknown"
      : signature        ? auth::word(signature->result)
                         : "none",
      signature ? log_value(signature->domain) : "-",
      facts.reputation ? fmt::format("{:.2f}", *facts.reputation) : "-",
      facts.auth.dns_failed ? "error" : "ok", record.removed, word(disposition.action),
      rule_or_reason(disposition), or_dash(disposition.rule_place), log_value(record.reply),
      took.count());
}

}  // namespace postern::policy
