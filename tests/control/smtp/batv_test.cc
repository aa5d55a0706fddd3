// SPDX-License-Identifier: BSD-3-Clause
//
// Tags of envelope senders, against values that were computed by hand (Python's hmac).
#include "control/smtp/batv.h"

#include <gtest/gtest.h>

#include <random>

#include "rules/text/diagnostic.h"

namespace postern::smtp {
namespace {

using Finding = Batv::Finding;

constexpr int64_t kDay = 86400;
constexpr int64_t kNow = 20'000 * kDay + 12'345;  // day 000
const std::string kKeys =
    "# keys\nkey 1 a-secret-of-16-octets\nkey 0 an-older-secret-of-ours\n"
    "tag tagged.example\ncheck example.org B\xc3\xbc"
    "cher.example\n";

Batv batv(const std::string& more = "") {
  return Batv::parse(kKeys + more, "batv");
}

TEST(Batv, TagsAsTheDraftSays) {
  EXPECT_EQ(batv().tag("joe@example.org", kNow), "prvs=1007c26052=joe@example.org");
  EXPECT_EQ(batv("lifetime 1d\n").tag("joe@example.org", kNow), "prvs=1001004fa1=joe@example.org");
  EXPECT_EQ(batv().tag("joe@example.org", kNow + 995 * kDay), "prvs=1002d93aad=joe@example.org");
}

TEST(Batv, TheAddressIsHashedInLowerCase) {
  const std::string tagged = batv().tag("Joe@Example.ORG", kNow);
  EXPECT_EQ(tagged, "prvs=1007c26052=Joe@Example.ORG");
  for (const std::string& seen : {tagged, std::string("PRVS=1007C26052=JOE@EXAMPLE.ORG"),
                                  std::string("prvs=1007c26052=joe@example.org")})
    EXPECT_EQ(batv().read(seen, kNow).finding, Finding::kValid) << seen;
}

TEST(Batv, WhatIsNotTaggedGoesOutAsItIs) {
  const auto same = [](const std::string& address) {
    EXPECT_EQ(batv().tag(address, kNow), address);
  };
  same("");
  same("postmaster");
  same("joe@other.example");
  same("joe@sub.example.org");
  same("joe@[192.0.2.1]");
  same("\"joe doe\"@example.org");
  same("j\xc3\xb6@example.org");
  same(".joe@example.org");
  same(std::string(49, 'a') + "@example.org");
  same("prvs=1234abcdef=joe@example.org");
  EXPECT_NE(batv().tag(std::string(48, 'a') + "@example.org", kNow),
            std::string(48, 'a') + "@example.org");
  EXPECT_NE(batv().tag("a=b+c.d@tagged.example", kNow), "a=b+c.d@tagged.example");
}

TEST(Batv, WhatWasTaggedComesBack) {
  const auto reading = batv().read(batv().tag("joe+x@example.org", kNow), kNow);
  EXPECT_EQ(reading.finding, Finding::kValid);
  EXPECT_EQ(reading.address, "joe+x@example.org");
  EXPECT_TRUE(reading.checked);
  const auto tagged = batv().read(batv().tag("joe@tagged.example", kNow), kNow);
  EXPECT_EQ(tagged.finding, Finding::kValid);
  EXPECT_FALSE(tagged.checked);
  EXPECT_EQ(batv().read(batv().tag("joe@xn--bcher-kva.example", kNow), kNow).finding,
            Finding::kValid);
}

TEST(Batv, ATagHasItsDays) {
  for (const int64_t begun : {kNow, kNow + 990 * kDay, kNow + 996 * kDay, kNow + 999 * kDay}) {
    const std::string tagged = batv().tag("joe@example.org", begun);
    for (int day = 0; day <= 7; day++)
      EXPECT_EQ(batv().read(tagged, begun + day * kDay).finding, Finding::kValid) << day;
    for (int day = 8; day < 100; day++)
      EXPECT_EQ(batv().read(tagged, begun + day * kDay).finding, Finding::kExpired) << day;
    // Of a clock that is behind here, or of a lifetime that was longer when the tag was made.
    EXPECT_EQ(batv().read(tagged, begun - kDay).finding, Finding::kValid);
    EXPECT_EQ(batv().read(tagged, begun - 100 * kDay).finding, Finding::kExpired);
  }
}

TEST(Batv, WhatIsNotOursIsTold) {
  const auto finding = [](const std::string& address) {
    return batv().read(address, kNow).finding;
  };
  EXPECT_EQ(finding("joe@example.org"), Finding::kUntagged);
  EXPECT_EQ(finding("joe@other.example"), Finding::kNotOurs);
  EXPECT_EQ(finding("prvs=1007000000=joe@other.example"), Finding::kNotOurs);
  EXPECT_EQ(finding("prvs=1007000000=joe@example.org"), Finding::kForged);
  EXPECT_EQ(finding("\"joe doe\"@example.org"), Finding::kCannotBe);
  EXPECT_EQ(finding(std::string(49, 'a') + "@example.org"), Finding::kCannotBe);
  EXPECT_EQ(finding("postmaster"), Finding::kNotOurs);
  EXPECT_EQ(finding(""), Finding::kNotOurs);
  // Things that look like tags.
  EXPECT_EQ(finding("prvs=1007=joe@example.org"), Finding::kUntagged);
  EXPECT_EQ(finding("prvs=100700000g=joe@example.org"), Finding::kUntagged);
  EXPECT_EQ(finding("prvs=x007000000=joe@example.org"), Finding::kUntagged);
  EXPECT_EQ(finding("prvs=1007000000=@example.org"), Finding::kUntagged);
  EXPECT_EQ(finding("prvs=1007000000joe@example.org"), Finding::kUntagged);
  EXPECT_EQ(batv().read("prvs=1007000000=joe@example.org", kNow).address, "joe@example.org");
  EXPECT_EQ(batv().read("prvs=1007000000=joe@other.example", kNow).address,
            "prvs=1007000000=joe@other.example");
}

TEST(Batv, ATagIsOfOneAddressOneDayAndOneKey) {
  const std::string tagged = batv().tag("joe@example.org", kNow);
  const auto finding = [](std::string address) { return batv().read(address, kNow).finding; };
  for (size_t place = 5; place < 15; place++) {
    std::string changed = tagged;
    changed[place] = changed[place] == '3' ? '4' : '3';
    EXPECT_EQ(finding(changed), Finding::kForged) << changed;
  }
  EXPECT_EQ(finding(tagged.substr(0, 16) + "jo@example.org"), Finding::kForged);
  EXPECT_EQ(finding(tagged.substr(0, 16) + "joe@xn--bcher-kva.example"), Finding::kForged);
}

TEST(Batv, AnOlderKeyIsStillGood) {
  const Batv before = Batv::parse("key 0 an-older-secret-of-ours\ntag example.org\n", "batv");
  const std::string tagged = before.tag("joe@example.org", kNow);
  EXPECT_EQ(batv().read(tagged, kNow).finding, Finding::kValid);
  EXPECT_EQ(before.read(batv().tag("joe@example.org", kNow), kNow).finding, Finding::kForged);
}

std::string complaint(const std::string& text) {
  try {
    Batv::parse(text, "batv");
    return "taken";
  } catch (const BadInput& error) {
    const auto& one = error.diagnostics().at(0);
    EXPECT_EQ(one.source, "") << "a secret might be shown";
    return std::to_string(one.line) + ':' + std::to_string(one.column) + ": " + one.message;
  }
}

TEST(Batv, AWrongFileIsTold) {
  EXPECT_EQ(complaint(""), "0:0: there is no key");
  EXPECT_EQ(complaint("key"), "1:1: a key has a number of one digit");
  EXPECT_EQ(complaint("key 12 0123456789abcdef"), "1:5: a key has a number of one digit");
  EXPECT_EQ(complaint("key 1"), "1:5: a secret has 16 to 256 octets without blanks");
  EXPECT_EQ(complaint("key 1 0123456789abcde"),
            "1:7: a secret has 16 to 256 octets without blanks");
  EXPECT_EQ(complaint("key 1 0123456789abcdef x"), "1:24: a key is a number and a secret");
  EXPECT_EQ(complaint("key 1 0123456789abcdef\nkey 1 0123456789abcdef"),
            "2:5: there is a key of this number already");
  EXPECT_EQ(complaint("lifetime"), "1:1: a lifetime is of 1d to 99d");
  for (const char* bad : {"0d", "100d", "7", "7h", "d", "-1d", "7dd"})
    EXPECT_EQ(complaint(std::string("lifetime ") + bad), "1:10: a lifetime is of 1d to 99d") << bad;
  EXPECT_EQ(complaint("tag"), "1:1: there is no domain");
  EXPECT_EQ(complaint("tag example.org -x"), "1:17: \"-x\" is no domain");
  EXPECT_EQ(complaint("\nsign example.org"),
            "2:1: \"sign\" is neither key, lifetime, tag nor check");
}

}  // namespace
}  // namespace postern::smtp
