// SPDX-License-Identifier: BSD-3-Clause
//
// MailAddress: an address in the one form that directories compare (RFC 5321 §4.1.2). Two addresses
// are equal when their domains are equal as A-labels in lower case (literals: as written, in lower
// case) and their local parts are equal without quotes and, unless AddressRules say otherwise, in
// ASCII lower case. Letters beyond ASCII (RFC 6531) keep their case and are not normalised.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::directory {

constexpr size_t kMaxAddress = 320;  // octets; RFC 5321 §4.5.3.1.3 asks for 254

struct AddressRules {
  bool local_case = false;       // USER@ and user@ are two
  std::string extensions = "+";  // user+shop@ is also user@; each character begins one; "": none
};

struct MailAddress {
  std::string local;   // without quotes and backslashes; never empty
  std::string domain;  // A-labels, or "[192.0.2.1]"

  // nullopt for what is no address. Source routes and bare "postmaster" are none either.
  static std::optional<MailAddress> parse(std::string_view text, const AddressRules& rules);

  // The local part up to its extension; all of it where there is none.
  std::string_view base(const AddressRules& rules) const noexcept;
  // The local part in quotes where it needs them.
  std::string text() const;

  bool operator==(const MailAddress&) const = default;
};

// "example.net", "[192.0.2.1]" -> as in MailAddress::domain.
std::optional<std::string> parse_mail_domain(std::string_view text);

}  // namespace postern::directory
