// SPDX-License-Identifier: BSD-3-Clause
//
// Checksum files of every shape, and signatures that are not of the key. Good signatures, made by
// the openssl program, are tested by fetch_test.py.
#include "control/cli/fetch/proof.h"

#include <gtest/gtest.h>

#include "control/cli/fetch/curl_transport.h"

namespace postern::cli {
namespace {

// Of "abc" (FIPS 180-2 B.1).
const std::string kAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string kOther(64, '0');

TEST(Checksum, OfAKnownText) {
  EXPECT_EQ(sha256_hex("abc"), kAbc);
}

TEST(Checksum, IsTakenAloneOrWithItsName) {
  for (const auto& text : {kAbc, kAbc + "\n", kAbc + "  list.txt\n", kAbc + " *other.txt\r\n",
                           kAbc + "  ./a/list.txt\n" + kOther + "  other.txt\n",
                           kOther + "  other.txt\n\n" + kAbc + " *list.txt"})
    EXPECT_EQ(why_not_checksum("abc", text, "list.txt"), std::nullopt) << text;
  std::string upper = kAbc;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  EXPECT_EQ(why_not_checksum("abc", upper, "list.txt"), std::nullopt);
}

TEST(Checksum, SaysWhyNot) {
  EXPECT_EQ(why_not_checksum("abc", kOther, "x"), "its SHA-256 is " + kAbc + ", not " + kOther);
  EXPECT_EQ(why_not_checksum("abc", "", "x"), "the checksum file is empty");
  EXPECT_EQ(why_not_checksum("abc", kAbc + "  a\n" + kAbc + "  b\n", "x"),
            "the checksum file has no line for 'x'");
  for (const auto& text : {std::string("<html>"), kAbc.substr(1), kAbc + "0", kAbc + " x",
                           kAbc + "\nsomething else\n", std::string(64, 'g')})
    EXPECT_EQ(why_not_checksum("abc", text, "x"),
              "the checksum file has a line that is not a SHA-256")
        << text;
}

TEST(Signature, SaysWhyNot) {
  constexpr const char* kKey =  // of RFC 8410 §10.1
      "-----BEGIN PUBLIC KEY-----\n"
      "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n"
      "-----END PUBLIC KEY-----\n";
  EXPECT_EQ(why_not_signed("abc", "no signature", "no key"),
            "the key file has no public key in PEM");
  for (const auto& signature : {std::string(), std::string("short"), std::string(64, '\1')})
    EXPECT_EQ(why_not_signed("abc", signature, kKey), "its signature is not of the key");
}

TEST(HttpsHost, IsOneHostAndPort) {
  EXPECT_EQ(https_host("https://Lists.example/a"), "lists.example:443");
  EXPECT_EQ(https_host("https://lists.example:443/b?c"), "lists.example:443");
  EXPECT_EQ(https_host("https://user@lists.example:8443/"), "lists.example:8443");
  for (const char* url : {"http://lists.example/", "file:///etc/passwd", "lists.example", ""})
    EXPECT_EQ(https_host(url), "") << url;
}

}  // namespace
}  // namespace postern::cli
