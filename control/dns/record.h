// SPDX-License-Identifier: BSD-3-Clause
//
// What DNS says, as everything else in control sees it: the record types that mail needs, and the
// answer to one question. Negative answers (the name or the type does not exist) and failures (no
// answer, SERVFAIL, bogus) are kept apart from here on, because a failure may only ever defer mail.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace postern::dns {

// RFC 1035 §3.2.2, RFC 3596; the numbers are those on the wire.
enum class RecordType : uint16_t {
  kA = 1,
  kNs = 2,
  kCname = 5,
  kPtr = 12,
  kMx = 15,
  kTxt = 16,
  kAaaa = 28,
};

enum class Status : uint8_t {
  kFound,
  kNoName,  // NXDOMAIN
  kNoData,  // the name exists, records of this type do not
  kFailed,  // temporary: timeout, SERVFAIL, refused, validation failed
};

// Whose word an answer is, and so what it tells of whoever else is asked.
enum class Origin : uint8_t {
  kNotAsked,  // nobody's: there was no room to ask, or it cannot be asked for
  kKept,      // a cache's, a built-in zone's, a file's: no sign that anybody can be reached now
  kReached,   // the DNS was asked for it, over the network; kFailed: and did not answer
};

struct Answer {
  Status status = Status::kFailed;
  // One per record, in presentation-free form: A and AAAA as the address's text, TXT with its
  // strings joined (RFC 7208 §3.3), names lower case without the final dot, MX as "10 host".
  std::vector<std::string> records;
  bool secure = false;  // DNSSEC-validated
  Origin origin = Origin::kKept;
  std::string detail;  // for people, when kFailed
  // kFailed, and so for so long (control/dns/silent_zones.h) that nobody is to wait for it: it
  // counts as the answer that there is nothing.
  bool given_up = false;
};

}  // namespace postern::dns
