// SPDX-License-Identifier: BSD-3-Clause
//
// FilterTemplate: an LDAP search filter (RFC 4515) with places for the address: %s the address, %u
// its local part, %d its domain, %% a percent sign. What is put in is escaped octet by octet, so
// that no address can be more of the filter than a value.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/directory/mail_address.h"

namespace postern::directory {

// RFC 4515 §3: NUL, parentheses, asterisk and backslash, and whatever is not printable ASCII, as
// \ and two hexadecimal digits.
std::string escape_filter_value(std::string_view value);

class FilterTemplate {
 public:
  // Throws std::runtime_error, what() in one line: an unknown %, none of %s and %u, no filter that
  // starts with ( and ends with ), or parentheses that do not match. Whether attributes exist is
  // the server's to say.
  explicit FilterTemplate(std::string_view text);

  // local: instead of the address's (without its extension).
  std::string filter_for(const MailAddress& address, std::string_view local) const;
  // Of every entry that some address finds: an asterisk in each place (RFC 4515 §3: present, or any
  // substring).
  std::string filter_for_any() const;

 private:
  struct Piece {
    char place = 0;  // 0: text; or one of s, u, d
    std::string text;
  };
  std::vector<Piece> pieces_;
};

}  // namespace postern::directory
