// SPDX-License-Identifier: BSD-3-Clause
//
// Private keys: the ones that RFC 8463 prints make the signatures that it prints.
#include "control/auth/dkim_private_key.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "control/auth/body_hash.h"
#include "control/auth/dkim_key.h"
#include "control/auth/dkim_verify.h"
#include "control/auth/tag_list.h"
#include "tests/control/auth/rfc8463.h"

namespace postern::auth {
namespace {

std::string refusal(std::string_view pem) {
  try {
    DkimPrivateKey::read_pem(pem);
    return "taken";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

// Appendix A.3 is a message with both; each is over the header below it and its own field.
void expect_signature(size_t place, const DkimPrivateKey& key) {
  const auto fields = split_header_fields(kRfc8463Signatures + kRfc8463Header);
  const auto signature = read_dkim_signature(fields[place].body).signature.value();
  const std::string hash = hash_signed_header(signature, place, FieldIndex(fields));
  EXPECT_EQ(encode_base64(key.sign(hash)), encode_base64(signature.signature));
}

TEST(DkimPrivateKey, SignsAsRfc8463Prints) {
  expect_signature(0, DkimPrivateKey::read_pem(kRfc8463Ed25519PrivateKey));
  expect_signature(1, DkimPrivateKey::read_pem(kRfc8463RsaPrivateKey));
}

TEST(DkimPrivateKey, TellsThePublicHalfThatRfc8463Prints) {
  const auto ed25519 = DkimPrivateKey::read_pem(kRfc8463Ed25519PrivateKey);
  EXPECT_EQ("v=DKIM1; k=ed25519; p=" + encode_base64(ed25519.public_part()), kRfc8463Ed25519Key);
  EXPECT_EQ(ed25519.bits(), 256);
  EXPECT_EQ(ed25519.algorithm(), Algorithm::kEd25519Sha256);
  const auto rsa = DkimPrivateKey::read_pem(kRfc8463RsaPrivateKey);
  EXPECT_EQ("v=DKIM1; k=rsa; p=" + encode_base64(rsa.public_part()), kRfc8463RsaKey);
  EXPECT_EQ(rsa.bits(), 1024);
  EXPECT_EQ(rsa.algorithm(), Algorithm::kRsaSha256);
}

TEST(DkimPrivateKey, ComesBackFromItsPem) {
  for (const auto& key : {DkimPrivateKey::rsa(1024), DkimPrivateKey::ed25519()}) {
    const auto again = DkimPrivateKey::read_pem(key.pem());
    EXPECT_EQ(again.public_part(), key.public_part());
    const std::string hash(32, '\x5a');
    EXPECT_EQ(again.sign(hash), key.sign(hash));
    EXPECT_TRUE(key.pem().starts_with("-----BEGIN PRIVATE KEY-----\n"));
  }
}

TEST(DkimPrivateKey, ARecordOfItIsRead) {
  const auto rsa = DkimPrivateKey::rsa(1536);
  const auto record = read_dkim_key("v=DKIM1; k=rsa; p=" + encode_base64(rsa.public_part()));
  ASSERT_TRUE(record.key) << record.reason;
  EXPECT_EQ(record.key->bits, 1536);
}

TEST(DkimPrivateKey, WhatIsNoneIsRefused) {
  EXPECT_EQ(refusal(""), "is no private key in PEM");
  EXPECT_EQ(refusal("nonsense"), "is no private key in PEM");
  EXPECT_EQ(refusal(kRfc8463RsaPrivateKey.substr(0, 300)), "is no private key in PEM");
  EXPECT_EQ(refusal(kEcPrivateKey), "is neither an RSA nor an Ed25519 key");
  // It is not asked for on the terminal.
  EXPECT_EQ(refusal(kEncryptedPrivateKey), "has a passphrase, which nobody is there to give");
}

}  // namespace
}  // namespace postern::auth
