// SPDX-License-Identifier: BSD-3-Clause
//
// Key records: every tag, both encodings of RSA keys, and the words for records of no use.
#include "control/auth/dkim_key.h"

#include <gtest/gtest.h>

#include "control/auth/tag_list.h"
#include "tests/control/auth/signer.h"

namespace postern::auth {
namespace {

// RFC 8463 §A.2.
constexpr const char* kEd25519 = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

std::string reason(const std::string& record) {
  const auto reading = read_dkim_key(record);
  EXPECT_EQ(reading.key.has_value(), reading.reason.empty());
  return reading.reason;
}

const SigningKey& rsa() {
  static const SigningKey key = SigningKey::rsa(1024);
  return key;
}

TEST(DkimKey, ReadsRsa) {
  for (const std::string& record :
       {"v=DKIM1; k=rsa; p=" + rsa().public_part(), "p=" + rsa().public_part() + ";",
        "k=RSA; t=s; h=sha256; p=" + rsa().bare_public_part(),
        "v = DKIM1 ; n=a note; s=email; p= " + rsa().public_part().insert(20, " \t ")}) {
    const auto reading = read_dkim_key(record);
    ASSERT_TRUE(reading.key) << record << ": " << reading.reason;
    EXPECT_EQ(reading.key->algorithm, Algorithm::kRsaSha256);
    EXPECT_EQ(reading.key->bits, 1024);
  }
}

TEST(DkimKey, ReadsEd25519) {
  const auto reading = read_dkim_key(std::string("v=DKIM1; k=ed25519; p=") + kEd25519);
  ASSERT_TRUE(reading.key) << reading.reason;
  EXPECT_EQ(reading.key->algorithm, Algorithm::kEd25519Sha256);
  EXPECT_EQ(reading.key->bits, 256);
}

TEST(DkimKey, ReadsFlags) {
  const std::string key = std::string("; k=ed25519; p=") + kEd25519;
  EXPECT_FALSE(read_dkim_key("v=DKIM1" + key).key->is_testing);
  EXPECT_FALSE(read_dkim_key("v=DKIM1" + key).key->is_strict);
  EXPECT_TRUE(read_dkim_key("v=DKIM1; t=y" + key).key->is_testing);
  EXPECT_TRUE(read_dkim_key("v=DKIM1; t=x : s" + key).key->is_strict);
}

TEST(DkimKey, RefusesRecordsOfNoUse) {
  const std::string p = std::string("; k=ed25519; p=") + kEd25519;
  EXPECT_EQ(reason("v=DKIM1; p="), "key revoked");
  EXPECT_EQ(reason("v=DKIM1; k=rsa; p= ;"), "key revoked");
  EXPECT_EQ(reason("v=DKIM2" + p), "key syntax error: v= is not DKIM1 in the first place");
  EXPECT_EQ(reason("k=rsa; v=DKIM1" + p.substr(13)),
            "key syntax error: v= is not DKIM1 in the first place");
  EXPECT_EQ(reason("v=DKIM1; k=rsa"), "key syntax error: there is no p=");
  EXPECT_EQ(reason("v=DKIM1; h=sha1" + p),
            "inappropriate hash algorithm: h= of the key has no sha256");
  EXPECT_EQ(reason("v=DKIM1; h=sha1:sha256" + p), "");
  EXPECT_EQ(reason("v=DKIM1; s=tlsrpt" + p), "the key is not for mail: s= has no email");
  EXPECT_EQ(reason("v=DKIM1; s=tlsrpt:*" + p), "");
  EXPECT_EQ(reason("v=DKIM1; k=dsa; p=AA=="), "unsupported key type: k=dsa");
  EXPECT_EQ(reason("v=DKIM1; p=!"), "key syntax error: p= is not base64");
  EXPECT_EQ(reason("v=DKIM1; p=AAAA"), "key syntax error: p= is not an RSA key");
  EXPECT_EQ(reason("v=DKIM1; k=ed25519; p=AAAA"),
            "key syntax error: p= is not an Ed25519 key of 32 octets");
  // The same key as a SubjectPublicKeyInfo, which RFC 8463 §4.2 does not want.
  EXPECT_EQ(reason(std::string("v=DKIM1; k=ed25519; p=MCowBQYDK2VwAyEA") + kEd25519),
            "key syntax error: p= is not an Ed25519 key of 32 octets");
  EXPECT_EQ(reason("v=DKIM1; v=DKIM1" + p), "key syntax error: tag v stands twice");
}

TEST(DkimKey, RefusesOtherKeysAndTrailingOctets) {
  const std::string ec = encode_base64(std::string(91, '\x30'));
  EXPECT_EQ(reason("p=" + ec), "key syntax error: p= is not an RSA key");
  std::string der = decode_base64(rsa().public_part()).value();
  EXPECT_EQ(reason("p=" + encode_base64(der + '\0')), "key syntax error: p= is not an RSA key");
  der.pop_back();
  EXPECT_EQ(reason("p=" + encode_base64(der)), "key syntax error: p= is not an RSA key");
}

TEST(DkimKey, RefusesExponentsThatCostTooMuch) {
  EXPECT_EQ(reason("p=" + public_part_of_size(2048, 3)), "");
  EXPECT_EQ(reason("p=" + public_part_of_size(2048, 1, 100)),
            "the exponent of the key is not between 2 and 64 bits");
  EXPECT_EQ(reason("p=" + public_part_of_size(2048, 1)),
            "the exponent of the key is not between 2 and 64 bits");
}

TEST(DkimKey, TellsForeignRecordsApart) {
  EXPECT_TRUE(read_dkim_key("v=spf1 -all").is_foreign);
  EXPECT_TRUE(read_dkim_key("some text").is_foreign);
  EXPECT_TRUE(read_dkim_key("google-site-verification=abc").is_foreign);
  EXPECT_FALSE(read_dkim_key("v=DKIM1; p=").is_foreign);
  EXPECT_FALSE(read_dkim_key("v=DKIM1; k=rsa").is_foreign);
}

}  // namespace
}  // namespace postern::auth
