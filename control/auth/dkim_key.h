// SPDX-License-Identifier: BSD-3-Clause
//
// DKIM key records (RFC 6376 §3.6.1, RFC 8463 §4): their tags, and the public key inside made ready
// for OpenSSL.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/auth/dkim_signature.h"

namespace postern::auth {

// A record that may be used for mail signed with SHA-256.
struct DkimKey {
  Algorithm algorithm = Algorithm::kRsaSha256;  // k=, with the only hash there is
  std::shared_ptr<EVP_PKEY> public_key;         // never null
  int bits = 0;                                 // of the modulus; 256 for Ed25519
  bool is_testing = false;                      // t=y
  bool is_strict = false;                       // t=s: the domain of i= must be d= itself
};

struct DkimKeyReading {
  std::optional<DkimKey> key;
  // Where there is no key: what the record is, in the words of RFC 6376 §6.1.2.
  std::string reason;
  // It does not even begin like a key record: something else that is published at this name.
  bool is_foreign = false;
};

DkimKeyReading read_dkim_key(std::string_view record);

}  // namespace postern::auth
