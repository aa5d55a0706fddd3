// SPDX-License-Identifier: BSD-3-Clause
//
// A DKIM signer for tests of the verifier: it can make every kind of signature, also those that no
// sound signer would, such as DkimSigner. It uses the canonicalization under test, so it proves
// nothing about that; tests/conformance compares with signers that are not ours.
#pragma once

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "control/auth/dkim_private_key.h"
#include "control/auth/dkim_verify.h"
#include "control/auth/tag_list.h"

namespace postern::auth {

// A key of the signer that is tested elsewhere (dkim_private_key_test.cc), with its public half as
// records have it.
class SigningKey {
 public:
  static SigningKey rsa(unsigned bits) { return SigningKey(DkimPrivateKey::rsa(bits)); }
  static SigningKey ed25519() { return SigningKey(DkimPrivateKey::ed25519()); }

  // p= of its key record.
  std::string public_part() const { return encode_base64(key_.public_part()); }
  // The same as a bare RSAPublicKey.
  std::string bare_public_part() const {
    const std::string der = key_.public_part();
    const auto* in = reinterpret_cast<const unsigned char*>(der.data());
    EVP_PKEY* key = d2i_PUBKEY(nullptr, &in, static_cast<long>(der.size()));
    unsigned char* octets = nullptr;
    const int length = i2d_PublicKey(key, &octets);
    std::string bare(reinterpret_cast<char*>(octets), static_cast<size_t>(length));
    OPENSSL_free(octets);
    EVP_PKEY_free(key);
    return encode_base64(bare);
  }
  std::string sign(std::string_view hash) const { return key_.sign(hash); }

 private:
  explicit SigningKey(DkimPrivateKey key) : key_(std::move(key)) {}
  DkimPrivateKey key_;
};

// p= of an RSA public key whose modulus is just an odd number with that many bits, for tests that
// never get to use it.
inline std::string public_part_of_size(int bits, unsigned long exponent = 65537,
                                       int exponent_shift = 0) {
  BIGNUM* modulus = BN_new();
  BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD);
  BIGNUM* e = BN_new();
  BN_set_word(e, exponent);
  BN_lshift(e, e, exponent_shift);
  if (exponent_shift != 0) BN_add_word(e, 1);
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, e);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  EVP_PKEY_fromdata_init(context);
  EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters);
  unsigned char* octets = nullptr;
  const int length = i2d_PUBKEY(key, &octets);
  const std::string text =
      encode_base64({reinterpret_cast<char*>(octets), static_cast<size_t>(length)});
  OPENSSL_free(octets);
  EVP_PKEY_free(key);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(e);
  BN_free(modulus);
  return text;
}

// Puts a DKIM-Signature on top of message. tags: all but bh= and b=, as they shall stand there.
inline std::string sign_message(const std::string& message, const std::string& tags,
                                const SigningKey& key) {
  const auto header_end = message.find("\r\n\r\n");
  const std::string body = message.substr(header_end + 4);
  const auto field_with = [&](const std::string& bh, const std::string& b) {
    return "DKIM-Signature: " + tags + "; bh=" + bh + "; b=" + b;
  };
  // A first reading, with place-holders, for the canonicalizations and l=.
  const std::string zeros = encode_base64(std::string(32, '\0'));
  const std::string draft = field_with(zeros, zeros);
  const auto reading = read_dkim_signature(std::string_view(draft).substr(15));
  if (!reading.signature) throw std::runtime_error("unsignable: " + reading.report.reason);
  BodyHashes hashes;
  hashes.add(reading.signature->body, reading.signature->body_length);
  hashes.update(body);
  hashes.finish();
  const std::string bh = encode_base64(hashes.result(0).hash);

  const std::string unsigned_message =
      field_with(bh, zeros) + "\r\n" + message.substr(0, header_end);
  const auto fields = split_header_fields(unsigned_message);
  const auto signature = read_dkim_signature(fields[0].body).signature.value();
  const std::string hash = hash_signed_header(signature, 0, FieldIndex(fields));
  return field_with(bh, encode_base64(key.sign(hash))) + "\r\n" + message;
}

}  // namespace postern::auth
