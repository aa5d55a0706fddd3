// SPDX-License-Identifier: BSD-3-Clause
//
// The private half of a DKIM key: RSA or Ed25519 (RFC 8463), read from PEM or made new, and what
// there is to do with it: sign a hash, and tell the public half as a key record has it. How large
// an RSA key has to be is its user's business.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "control/auth/dkim_signature.h"

namespace postern::auth {

class DkimPrivateKey {
 public:
  // Throw std::runtime_error where OpenSSL cannot.
  static DkimPrivateKey rsa(unsigned bits);
  static DkimPrivateKey ed25519();
  // PKCS #8 or, for RSA, PKCS #1, without a passphrase. Throws std::runtime_error that says what is
  // wrong, as in "FILE " + what().
  static DkimPrivateKey read_pem(std::string_view pem);

  std::string pem() const;  // PKCS #8

  Algorithm algorithm() const noexcept { return algorithm_; }
  int bits() const noexcept;  // of the modulus; 256 for Ed25519
  // p= of its key record before base64: SubjectPublicKeyInfo for RSA, 32 octets for Ed25519.
  std::string public_part() const;
  // hash: SHA-256, 32 octets. RSASSA-PKCS1-v1_5, or PureEdDSA over the hash (RFC 8463 §3): the same
  // for the same hash. Throws std::runtime_error.
  std::string sign(std::string_view hash) const;

 private:
  explicit DkimPrivateKey(EVP_PKEY* key);  // takes it; null or of another kind: throws

  std::shared_ptr<EVP_PKEY> key_;
  Algorithm algorithm_ = Algorithm::kRsaSha256;
};

}  // namespace postern::auth
