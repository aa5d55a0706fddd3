// SPDX-License-Identifier: BSD-3-Clause
//
// Asked for are no answers where we have nothing to say: HELO, MAIL, RCPT and the first piece of
// the body may be refused or skipped, so they keep theirs.
#include "control/milter/negotiation.h"

#include <algorithm>
#include <utility>

#include "control/milter/packet.h"

namespace postern::milter {
namespace {

constexpr Actions kNeeded = Actions::kAddHeaders | Actions::kChangeHeaders;
constexpr Actions kWantedActions = kNeeded | Actions::kQuarantine | Actions::kSetMacroList;
constexpr Protocol kWantedProtocol = Protocol::kNoUnknown | Protocol::kNoData | Protocol::kSkip |
                                     Protocol::kNoReplyHeader | Protocol::kNoReplyConnect |
                                     Protocol::kNoReplyData | Protocol::kNoReplyUnknown |
                                     Protocol::kNoReplyEndOfHeader | Protocol::kLeadingSpace;

void append_macros(std::string& data, MacroPlace place, std::string_view names) {
  append_be32(data, static_cast<uint32_t>(place));
  data += names;
  data += '\0';
}

}  // namespace

std::variant<Terms, std::string_view> negotiate(const Terms& offered) noexcept {
  if (offered.version < kOldestVersion) return "the mail server speaks a protocol that is too old";
  if (!includes(offered.actions, kNeeded))
    return "the mail server lets nobody add and change header fields";
  return Terms{.version = std::min(offered.version, kNewestVersion),
               .actions = offered.actions & kWantedActions,
               .protocol = offered.protocol & kWantedProtocol};
}

std::optional<Terms> read_terms(std::string_view data) noexcept {
  Cursor cursor(data);  // versions to come may add something behind
  Terms terms;
  terms.version = take_be32(cursor);
  terms.actions = static_cast<Actions>(take_be32(cursor));
  terms.protocol = static_cast<Protocol>(take_be32(cursor));
  if (cursor.failed()) return std::nullopt;
  return terms;
}

std::string write_terms(const Terms& terms) {
  std::string data;
  append_be32(data, terms.version);
  append_be32(data, static_cast<uint32_t>(terms.actions));
  append_be32(data, static_cast<uint32_t>(terms.protocol));
  if (includes(terms.actions, Actions::kSetMacroList)) {
    append_macros(data, MacroPlace::kHelo, "{tls_version} {cipher}");
    append_macros(data, MacroPlace::kMail, "i {auth_authen}");
    append_macros(data, MacroPlace::kEndOfMessage, "i");
  }
  return data;
}

}  // namespace postern::milter
