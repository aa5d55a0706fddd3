// SPDX-License-Identifier: BSD-3-Clause
//
// Reading key records. An RSA key is a SubjectPublicKeyInfo, as everybody publishes, or a bare
// RSAPublicKey, as the grammar of RFC 6376 says; an Ed25519 key is its 32 octets (RFC 8463 §4.2).
#include "control/auth/dkim_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>

#include "control/auth/tag_list.h"
#include "control/dns/domain_name.h"

namespace postern::auth {
namespace {

using OwnedKey = std::shared_ptr<EVP_PKEY>;

constexpr size_t kEd25519Length = 32;
// Everybody's exponent is 65537; a huge one makes each verification as slow as signing.
constexpr int kMaxExponentBits = 64;

OwnedKey owned(EVP_PKEY* key) {
  return OwnedKey(key, EVP_PKEY_free);
}

// Null when the octets are not exactly one key.
OwnedKey rsa_key(std::string_view der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = begin + der.size();
  const auto length = static_cast<long>(der.size());
  const auto* position = begin;
  OwnedKey key = owned(d2i_PUBKEY(nullptr, &position, length));
  if (!key) {
    position = begin;
    key = owned(d2i_PublicKey(EVP_PKEY_RSA, nullptr, &position, length));
  }
  if (!key || position != end || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_RSA) return nullptr;
  return key;
}

bool has_reasonable_exponent(const EVP_PKEY& key) {
  BIGNUM* exponent = nullptr;
  if (EVP_PKEY_get_bn_param(&key, OSSL_PKEY_PARAM_RSA_E, &exponent) != 1) return false;
  const int bits = BN_num_bits(exponent);
  BN_free(exponent);
  return bits > 1 && bits <= kMaxExponentBits;
}

bool lists(const Tag& tag, std::string_view wanted) {
  const auto parts = split_colons(tag.value);
  return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) {
    return dns::equals_ignoring_case(part, wanted);
  });
}

DkimKeyReading refused(std::string reason, bool is_foreign = false) {
  DkimKeyReading reading;
  reading.reason = std::move(reason);
  reading.is_foreign = is_foreign;
  return reading;
}

}  // namespace

DkimKeyReading read_dkim_key(std::string_view record) {
  const TagList tags = parse_tag_list(record);
  const Tag* version = tags.find("v");
  if (version != nullptr && (version->value != "DKIM1" || version != tags.tags.data())) {
    return refused("key syntax error: v= is not DKIM1 in the first place", true);
  }
  if (!tags.error.empty()) return refused("key syntax error: " + tags.error, version == nullptr);
  const Tag* data = tags.find("p");
  if (data == nullptr) return refused("key syntax error: there is no p=", version == nullptr);

  if (const Tag* hashes = tags.find("h"); hashes != nullptr && !lists(*hashes, "sha256")) {
    return refused("inappropriate hash algorithm: h= of the key has no sha256");
  }
  if (const Tag* services = tags.find("s");
      services != nullptr && !lists(*services, "*") && !lists(*services, "email")) {
    return refused("the key is not for mail: s= has no email");
  }
  DkimKey key;
  const Tag* type = tags.find("k");
  if (type == nullptr || dns::equals_ignoring_case(type->value, "rsa")) {
    key.algorithm = Algorithm::kRsaSha256;
  } else if (dns::equals_ignoring_case(type->value, "ed25519")) {
    key.algorithm = Algorithm::kEd25519Sha256;
  } else {
    return refused("unsupported key type: k=" + std::string(type->value.substr(0, 32)));
  }
  if (const Tag* flags = tags.find("t"); flags != nullptr) {
    key.is_testing = lists(*flags, "y");
    key.is_strict = lists(*flags, "s");
  }

  if (data->value.empty()) return refused("key revoked");
  const auto octets = decode_base64(data->value);
  if (!octets) return refused("key syntax error: p= is not base64");
  if (key.algorithm == Algorithm::kEd25519Sha256) {
    if (octets->size() != kEd25519Length) {
      return refused("key syntax error: p= is not an Ed25519 key of 32 octets");
    }
    key.public_key = owned(EVP_PKEY_new_raw_public_key(
        EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(octets->data()),
        octets->size()));
    if (!key.public_key) return refused("key syntax error: p= is not an Ed25519 key");
  } else {
    key.public_key = rsa_key(*octets);
    if (!key.public_key) return refused("key syntax error: p= is not an RSA key");
    if (!has_reasonable_exponent(*key.public_key)) {
      return refused("the exponent of the key is not between 2 and 64 bits");
    }
  }
  key.bits = EVP_PKEY_get_bits(key.public_key.get());
  DkimKeyReading reading;
  reading.key = std::move(key);
  return reading;
}

}  // namespace postern::auth
