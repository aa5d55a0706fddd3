// SPDX-License-Identifier: BSD-3-Clause
//
// One pass over the local part, then the domain; quotes end where the local part ends.
#include "control/directory/mail_address.h"

#include <algorithm>

#include "control/dns/domain_name.h"
#include "rules/text/cursor.h"
#include "rules/text/utf8.h"

namespace postern::directory {
namespace {

// RFC 5322 §3.2.3 atext and dots, and whatever is beyond ASCII (RFC 6531 §3.3). Dots may stand
// anywhere: providers have given out such addresses.
bool is_plain(char c) noexcept {
  if ((c & 0x80) != 0) return true;
  return c > ' ' && c < 0x7f &&
         std::string_view("()<>[]:;@\\,\"").find(c) == std::string_view::npos;
}

std::string read_quoted(Cursor& cursor) {
  std::string local;
  cursor.expect("\"");
  while (!cursor.failed()) {
    char c = cursor.take();
    if (c == '"') return local;
    if (c == '\\') c = cursor.take();
    if ((c & 0x80) == 0 && (c < ' ' || c == 0x7f)) cursor.fail();
    local += c;
  }
  return local;
}

}  // namespace

std::optional<std::string> parse_mail_domain(std::string_view text) {
  if (!text.starts_with('[')) return dns::to_a_labels(text);
  const bool sound = text.size() > 2 && text.size() <= 64 && text.ends_with(']') &&
                     std::all_of(text.begin() + 1, text.end() - 1, [](char c) {
                       return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                              (c >= 'A' && c <= 'Z') || c == '.' || c == ':' || c == '-';
                     });
  if (!sound) return std::nullopt;
  return dns::ascii_lower(text);
}

std::optional<MailAddress> MailAddress::parse(std::string_view text, const AddressRules& rules) {
  if (text.size() > kMaxAddress) return std::nullopt;
  Cursor cursor(text);
  MailAddress address;
  address.local =
      cursor.peek() == '"' ? read_quoted(cursor) : std::string(cursor.take_while(is_plain));
  cursor.expect("@");
  if (cursor.failed() || address.local.empty() || !is_utf8(address.local)) return std::nullopt;
  auto domain = parse_mail_domain(cursor.rest());
  if (!domain) return std::nullopt;
  address.domain = std::move(*domain);
  if (!rules.local_case) address.local = dns::ascii_lower(address.local);
  return address;
}

std::string_view MailAddress::base(const AddressRules& rules) const noexcept {
  const std::string_view all(local);
  const size_t at = all.find_first_of(rules.extensions, 1);
  return all.substr(0, at);
}

std::string MailAddress::text() const {
  std::string result;
  if (std::all_of(local.begin(), local.end(), is_plain)) {
    result = local;
  } else {
    result = '"';
    for (const char c : local) {
      if (c == '"' || c == '\\') result += '\\';
      result += c;
    }
    result += '"';
  }
  return result + '@' + domain;
}

}  // namespace postern::directory
