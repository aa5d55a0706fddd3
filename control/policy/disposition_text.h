// SPDX-License-Identifier: BSD-3-Clause
//
// What a disposition says to those outside: to the sender who is turned away, and to the readers
// behind us in header fields of ours.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/policy/facts.h"

namespace postern::policy {

// A negative reply of SMTP (RFC 5321 §4.2), whoever says it.
struct Refusal {
  int code = 550;
  std::string enhanced;  // RFC 3463
  std::string text;      // lines, '\n' between them; holds what strangers said
};

// For the log: "550 5.7.1 text", its lines joined by " / ".
std::string one_line(const Refusal& refusal);

// What says of a message that it is to be kept from its recipients: the field that filters behind
// us look for.
struct QuarantineField {
  std::string name = "X-Postern-Quarantine";
  std::string value;  // empty: the rule as written, in quotes
};
// "X-Spam-Flag: YES", or a name alone. nullopt: no name of a field (RFC 5322 §2.2), or a value that
// is not printable ASCII or too long.
std::optional<QuarantineField> parse_quarantine_field(std::string_view text);

// Of a disposition that rejects or defers: the rule, and where to object.
Refusal refusal_of(const Disposition& disposition);

// The fields that go on top of an accepted message: the results of authentication, then the tag
// where the disposition is to tag, or the quarantine field where it is to quarantine and nobody
// else is told (null). Whole fields with their CRLF.
std::string result_fields(std::string_view authserv_id, const MessageFacts& facts,
                          const Disposition& disposition, const QuarantineField* quarantine);

}  // namespace postern::policy
