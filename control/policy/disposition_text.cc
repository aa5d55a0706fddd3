// SPDX-License-Identifier: BSD-3-Clause
//
// Texts are cut, so that a long rule does not make a long reply.
#include "control/policy/disposition_text.h"

#include <algorithm>

#include "control/auth/authentication_results.h"
#include "control/policy/log_text.h"
#include "rules/text/words.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxTagText = 200;
constexpr size_t kMaxReplyText = 400;
constexpr size_t kMaxFieldName = 70;

}  // namespace

std::optional<QuarantineField> parse_quarantine_field(std::string_view text) {
  QuarantineField field;
  const size_t colon = text.find(':');
  field.name = trimmed(text.substr(0, colon));
  if (colon != std::string_view::npos) field.value = trimmed(text.substr(colon + 1));
  const auto is_printable = [](char c) { return c >= ' ' && c <= '~'; };
  const auto names = [&](char c) { return is_printable(c) && c != ' '; };
  if (field.name.empty() || field.name.size() > kMaxFieldName ||
      !std::all_of(field.name.begin(), field.name.end(), names))
    return std::nullopt;
  if (field.value.size() > kMaxTagText ||
      !std::all_of(field.value.begin(), field.value.end(), is_printable))
    return std::nullopt;
  if (colon != std::string_view::npos && field.value.empty()) return std::nullopt;
  return field;
}

std::string one_line(const Refusal& refusal) {
  std::string text = std::to_string(refusal.code) + ' ' + refusal.enhanced + ' ' + refusal.text;
  for (size_t at; (at = text.find('\n')) != std::string::npos;) text.replace(at, 1, " / ");
  return text;
}

Refusal refusal_of(const Disposition& disposition) {
  const bool reject = disposition.action == Action::kReject;
  std::string text = reject ? "refused " : "deferred ";
  text +=
      (disposition.for_dns || disposition.for_split) && disposition.rule.empty() ? "because " : "";
  text += disposition.explanation.substr(0, kMaxReplyText);
  if (!disposition.contact.empty()) text += "\nsee " + disposition.contact.substr(0, kMaxReplyText);
  if (reject) return {.code = 550, .enhanced = "5.7.1", .text = std::move(text)};
  const char* enhanced = disposition.for_dns ? "4.4.3" : disposition.for_split ? "4.5.3" : "4.7.1";
  return {.code = 451, .enhanced = enhanced, .text = std::move(text)};
}

std::string result_fields(std::string_view authserv_id, const MessageFacts& facts,
                          const Disposition& disposition, const QuarantineField* quarantine) {
  std::string fields = auth::write_authentication_results(authserv_id, facts.auth);
  if (disposition.action == Action::kTag)
    fields += "X-Postern-Tag: " + log_value(disposition.rule, kMaxTagText) + "\r\n";
  if (disposition.action == Action::kQuarantine && quarantine != nullptr)
    fields +=
        quarantine->name + ": " +
        (quarantine->value.empty() ? log_value(disposition.rule, kMaxTagText) : quarantine->value) +
        "\r\n";
  return fields;
}

}  // namespace postern::policy
