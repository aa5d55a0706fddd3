// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying one DKIM signature (RFC 6376 §6.1) once everything it needs is there: the header, the
// hash of the body, the answer of DNS, the time. No input or output here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/auth_result.h"
#include "control/auth/body_hash.h"
#include "control/auth/dkim_header_hash.h"
#include "control/auth/dkim_key.h"
#include "control/auth/dkim_signature.h"
#include "control/auth/header_fields.h"
#include "control/dns/record.h"

namespace postern::auth {

constexpr int kMinRsaBits = 1024;  // RFC 8301 §3.2
constexpr int kMaxRsaBits = 4096;  // ibid.: larger ones need not be supported; each costs too much
constexpr int64_t kFutureTolerance = 3600;  // seconds that t= may be ahead of our clock
constexpr size_t kMaxKeysAtOneName = 3;     // RFC 6376 §6.1.2 lets us cycle through several

// What a DNS answer for a key says.
struct DkimKeys {
  std::vector<DkimKey> keys;      // usable ones, at most kMaxKeysAtOneName
  Result result = Result::kNone;  // where there are none: temperror or permerror, and why
  std::string reason;
};
DkimKeys read_key_answer(const dns::Answer& answer);

// The hash that was signed (RFC 6376 §3.7): the fields of h=, each name taking the next one from
// the bottom, then the signature field itself with an empty b=. place: of that field in the index.
std::string hash_signed_header(const DkimSignature& signature, size_t place,
                               const FieldIndex& index);

// Expired, or signed in the future? Then the result is stored and false returned. Needs no key.
bool check_times(const DkimSignature& signature, int64_t now, DkimResult& result);

// Stores body_hash_ok.
void check_body(const DkimSignature& signature, const BodyHashes::BodyHash& body,
                DkimResult& result);

// After check_body. Stores result, reason, key_bits and testing.
void verify_signature(const DkimSignature& signature, size_t place, const FieldIndex& index,
                      const BodyHashes::BodyHash& body, const DkimKeys& keys, DkimResult& result);

}  // namespace postern::auth
