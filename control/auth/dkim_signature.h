// SPDX-License-Identifier: BSD-3-Clause
//
// The DKIM-Signature field (RFC 6376 §3.5; RFC 8301, 8463, 8616): its types, and reading it. All
// that can be checked without a key, a body or a clock is checked here, before anything is looked
// up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/auth/auth_result.h"

namespace postern::auth {

enum class Algorithm : uint8_t { kRsaSha256, kEd25519Sha256 };
enum class Canonicalization : uint8_t { kSimple, kRelaxed };

constexpr size_t kMaxSignedFields = 1000;  // names in h=

struct DkimSignature {
  Algorithm algorithm = Algorithm::kRsaSha256;
  Canonicalization header = Canonicalization::kSimple;
  Canonicalization body = Canonicalization::kSimple;
  std::string domain;                      // d=, A-labels
  std::string selector;                    // s=, A-labels
  std::string identity_domain;             // of i=, A-labels; equal to or below d=
  std::vector<std::string> signed_fields;  // h=, lower case, in order, with repetitions
  std::string signature;                   // b=, octets
  std::string body_hash;                   // bh=, 32 octets
  std::optional<uint64_t> body_length;     // l=
  std::optional<int64_t> signed_at;        // t=, Unix seconds
  std::optional<int64_t> expires_at;       // x=
  // The value of b=, as offsets into the body of the field: emptied before the field is hashed.
  size_t signature_begin = 0;
  size_t signature_end = 0;

  // Where its key is: "selector._domainkey.domain".
  std::string key_name() const;
};

struct DkimSignatureReading {
  // domain, selector, identity, algorithm and signature_prefix as far as they could be read; result
  // and reason where there is no signature.
  DkimResult report;
  std::optional<DkimSignature> signature;
};

// body: of the field, all behind its colon, folding included.
DkimSignatureReading read_dkim_signature(std::string_view body);

}  // namespace postern::auth
