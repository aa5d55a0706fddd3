// SPDX-License-Identifier: BSD-3-Clause
//
// A message as it went over the wire, from what the milter protocol tells of it: DKIM's simple
// canonicalization signs every octet of a header field (RFC 6376 §3.4.1). Mail servers give a
// folded field with bare LFs, and take fields of ours in the same form.
//
// Limits: blanks between a name and its colon are not told by Postfix and Sendmail, and so are
// lost.
#pragma once

#include <string>
#include <string_view>

namespace postern::milter {

// "NAME:VALUE\r\n" with CRLF line ends. exact: the value has the blanks that stood behind the colon
// (Protocol::kLeadingSpace); without, one space was taken off where there was one, and is guessed
// back.
std::string field_on_the_wire(std::string_view name, std::string_view value, bool exact);

// The other way: the value of a field of ours, without its final CRLF, for the mail server.
std::string value_for_server(std::string_view body, bool exact);

}  // namespace postern::milter
