// SPDX-License-Identifier: BSD-3-Clause
//
// What a disposition says to those outside: to the sender who is turned away, and to the readers
// behind us in header fields of ours.
#pragma once

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

// Of a disposition that rejects or defers: the rule, and where to object.
Refusal refusal_of(const Disposition& disposition);

// The fields that go on top of an accepted message: the results of authentication, then the tag
// where the disposition is to tag. Whole fields with their CRLF.
std::string result_fields(std::string_view authserv_id, const MessageFacts& facts,
                          const Disposition& disposition);

}  // namespace postern::policy
