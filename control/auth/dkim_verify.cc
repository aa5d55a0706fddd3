// SPDX-License-Identifier: BSD-3-Clause
//
// The steps of RFC 6376 §6.1.2 and §6.1.3 in the order of their cost: what the key record says, the
// hash of the body, and only then a public key operation.
#include "control/auth/dkim_verify.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

namespace postern::auth {
namespace {

const unsigned char* octets(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

bool verifies_rsa(EVP_PKEY* key, std::string_view hash, std::string_view signature) {
  const std::unique_ptr<EVP_PKEY_CTX, void (*)(EVP_PKEY_CTX*)> context(
      EVP_PKEY_CTX_new(key, nullptr), EVP_PKEY_CTX_free);
  return context && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
         EVP_PKEY_verify(context.get(), octets(signature), signature.size(), octets(hash),
                         hash.size()) == 1;
}

// RFC 8463 §3: PureEdDSA over the SHA-256 hash.
bool verifies_ed25519(EVP_PKEY* key, std::string_view hash, std::string_view signature) {
  const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   EVP_MD_CTX_free);
  return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), octets(signature), signature.size(), octets(hash),
                          hash.size()) == 1;
}

void set(DkimResult& result, Result value, std::string reason) {
  result.result = value;
  result.reason = std::move(reason);
}

// With one key; the hash of the body was found right before.
void verify_with_key(const DkimSignature& signature, const std::string& header_hash,
                     const DkimKey& key, DkimResult& result) {
  result.key_bits = key.bits;
  result.testing = key.is_testing;
  if (key.algorithm != signature.algorithm) {
    set(result, Result::kPermError, "inappropriate key algorithm: k= does not fit a=");
  } else if (key.is_strict && signature.identity_domain != signature.domain) {
    set(result, Result::kPermError, "inappropriate key: t=s, but i= is below d=");
  } else if (key.algorithm == Algorithm::kRsaSha256 && key.bits < kMinRsaBits) {
    set(result, Result::kPolicy,
        "the key has " + std::to_string(key.bits) + " bits, under 1024 (RFC 8301)");
  } else if (key.algorithm == Algorithm::kRsaSha256 && key.bits > kMaxRsaBits) {
    set(result, Result::kPolicy,
        "not tried: the key has " + std::to_string(key.bits) + " bits, over 4096");
  } else if (!result.body_hash_ok) {
    set(result, Result::kFail, "body hash did not verify");
  } else {
    const auto verifies = key.algorithm == Algorithm::kRsaSha256 ? verifies_rsa : verifies_ed25519;
    if (verifies(key.public_key.get(), header_hash, signature.signature)) {
      set(result, Result::kPass, {});
    } else {
      set(result, Result::kFail, "signature did not verify");
    }
  }
}

}  // namespace

DkimKeys read_key_answer(const dns::Answer& answer) {
  DkimKeys keys;
  if (answer.status == dns::Status::kFailed) {
    keys.result = Result::kTempError;
    keys.reason = "key unavailable: " + (answer.detail.empty() ? "DNS failed" : answer.detail);
    return keys;
  }
  keys.result = Result::kPermError;
  keys.reason = "no key for signature";
  if (answer.status != dns::Status::kFound) return keys;
  bool has_record = false;
  for (const std::string& record : answer.records) {
    DkimKeyReading reading = read_dkim_key(record);
    if (reading.key) {
      keys.keys.push_back(std::move(*reading.key));
      if (keys.keys.size() == kMaxKeysAtOneName) break;
    } else if (!has_record) {
      // A key record that is no good says more than a foreign one.
      keys.reason = std::move(reading.reason);
      has_record = !reading.is_foreign;
    }
  }
  return keys;
}

std::string hash_signed_header(const DkimSignature& signature, size_t place,
                               const FieldIndex& index) {
  const HeaderField& own = index.field(place);
  const size_t body_start = own.raw.size() - own.body.size();
  std::string unsigned_field(own.raw.substr(0, body_start + signature.signature_begin));
  unsigned_field += own.raw.substr(body_start + signature.signature_end);
  return hash_header(signature.signed_fields, signature.header, index, place, unsigned_field);
}

bool check_times(const DkimSignature& signature, int64_t now, DkimResult& result) {
  // RFC 6376 §3.5 and §6.1.1 leave both to the verifier (MAY), so it is a matter of our policy.
  if (signature.expires_at && now > *signature.expires_at) {
    set(result, Result::kPolicy, "signature expired");
    return false;
  }
  if (signature.signed_at && *signature.signed_at > now &&
      *signature.signed_at - now > kFutureTolerance) {
    set(result, Result::kPolicy, "signed in the future");
    return false;
  }
  return true;
}

void check_body(const DkimSignature& signature, const BodyHashes::BodyHash& body,
                DkimResult& result) {
  const bool has_all = !signature.body_length || *signature.body_length <= body.body_length;
  result.body_hash_ok = has_all && CRYPTO_memcmp(body.hash.data(), signature.body_hash.data(),
                                                 signature.body_hash.size()) == 0;
}

void verify_signature(const DkimSignature& signature, size_t place, const FieldIndex& index,
                      const BodyHashes::BodyHash& body, const DkimKeys& keys, DkimResult& result) {
  if (signature.body_length && *signature.body_length > body.body_length) {
    set(result, Result::kPermError, "l= is more than the length of the body");
    return;
  }
  if (keys.keys.empty()) {
    // No answer could make this signature pass, so none is missing.
    if (keys.result == Result::kTempError && !result.body_hash_ok) {
      set(result, Result::kFail, "body hash did not verify");
    } else {
      set(result, keys.result, keys.reason);
    }
    return;
  }
  const std::string header_hash =
      result.body_hash_ok ? hash_signed_header(signature, place, index) : std::string();
  DkimResult first;
  for (const DkimKey& key : keys.keys) {
    DkimResult attempt = result;
    verify_with_key(signature, header_hash, key, attempt);
    if (attempt.result == Result::kPass || &key == keys.keys.data()) first = std::move(attempt);
    if (first.result == Result::kPass) break;
  }
  result = std::move(first);
  if (result.result == Result::kPass && signature.body_length &&
      *signature.body_length < body.body_length) {
    set(result, Result::kPolicy, "content after the signed length of the body (l=)");
  }
}

}  // namespace postern::auth
