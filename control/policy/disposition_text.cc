// SPDX-License-Identifier: BSD-3-Clause
//
// Texts are cut, so that a long rule does not make a long reply.
#include "control/policy/disposition_text.h"

#include "control/auth/authentication_results.h"
#include "control/policy/log_text.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxTagText = 200;
constexpr size_t kMaxReplyText = 400;

}  // namespace

Refusal refusal_of(const Disposition& disposition) {
  const bool reject = disposition.action == Action::kReject;
  std::string text = reject ? "refused " : "deferred ";
  text += disposition.for_dns && disposition.rule.empty() ? "because " : "";
  text += disposition.explanation.substr(0, kMaxReplyText);
  if (!disposition.contact.empty()) text += "\nsee " + disposition.contact.substr(0, kMaxReplyText);
  if (reject) return {.code = 550, .enhanced = "5.7.1", .text = std::move(text)};
  return {
      .code = 451, .enhanced = disposition.for_dns ? "4.4.3" : "4.7.1", .text = std::move(text)};
}

std::string result_fields(std::string_view authserv_id, const MessageFacts& facts,
                          const Disposition& disposition) {
  std::string fields = auth::write_authentication_results(authserv_id, facts.auth);
  if (disposition.action == Action::kTag)
    fields += "X-Postern-Tag: " + log_value(disposition.rule, kMaxTagText) + "\r\n";
  return fields;
}

}  // namespace postern::policy
