// SPDX-License-Identifier: BSD-3-Clause
//
// What authentication found out about one message, in the words of RFC 8601 §2.7. The names of the
// fields are those of `postern verify -j`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::auth {

enum class Result : uint8_t {
  kNone,
  kPass,
  kFail,
  kPolicy,
  kNeutral,
  kSoftFail,
  kTempError,
  kPermError
};
std::string_view word(Result result) noexcept;  // "none", "pass", ..., "softfail", "temperror"

struct DkimResult {       // RFC 6376 §3.9, RFC 8601 §2.7.1; one per signature
  std::string domain;     // d=, A-labels, lower case
  std::string selector;   // s=
  std::string identity;   // i=
  std::string algorithm;  // a=
  int key_bits = 0;       // 0: no key was obtained
  Result result = Result::kNone;
  std::string reason;  // for people; empty on pass
  bool body_hash_ok = false;
  std::string signature_prefix;  // the first 8 characters of b= (header.b, RFC 6008)
  bool testing = false;          // t=y in the key record
  // kTempError, and the key has not come for so long (dns/silent_zones.h) that the signature counts
  // as if it were not there.
  bool given_up = false;
};

struct SpfResult {       // RFC 7208; one per identity
  std::string identity;  // "helo", "mailfrom"
  std::string domain;
  Result result = Result::kNone;
  std::string reason;
};

struct DmarcResult {  // RFC 9989
  Result result = Result::kNone;
  std::string policy;  // "none", "quarantine", "reject"; empty: no record
  std::string domain;  // of the From field
};

struct AuthResult {
  std::vector<DkimResult> dkim;  // in the order of the signatures in the message, topmost first
  std::vector<SpfResult> spf;
  DmarcResult dmarc;
  std::string from_domain;  // of the From field, lower case A-labels; empty: not exactly one
  bool dns_failed = false;  // some answer that was needed did not come
};

}  // namespace postern::auth
