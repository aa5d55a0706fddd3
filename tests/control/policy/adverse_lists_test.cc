// SPDX-License-Identifier: BSD-3-Clause
//
// Which lists speak against an address: those that rules act against, each kind of rule, and those
// that are only there for their information do not.
#include "control/policy/adverse_lists.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/rules/support/compiled.h"

namespace postern::policy {
namespace {

constexpr int64_t kNow = 1'800'000'000;

class AdverseLists : public testing::Test {
 protected:
  AdverseLists() {
    workshop_.list("country", "192.0.2.0/24\n");
    workshop_.list("pool", "192.0.2.128/25\n203.0.113.0/24\n");
  }
  bool against(const std::string& rules, const char* address) {
    const auto snapshot = workshop_.snapshot(
        "list country \"country\" format cidr category country weight 1\n"
        "list pool \"pool\" format cidr category dynamic weight 5 contact "
        "\"https://pool.example/\"\n"
        "service mx 198.51.100.25\nservice other 198.51.100.26\n" +
        rules);
    return is_listed_against(*snapshot, snapshot->class_of(test::address(address)), kNow);
  }
  test::Workshop workshop_;
};

constexpr const char* kInformed = "192.0.2.1";  // in country
constexpr const char* kPool = "203.0.113.1";    // in pool
constexpr const char* kBoth = "192.0.2.200";
constexpr const char* kNowhere = "198.18.0.1";

TEST_F(AdverseLists, AListThatNoRuleNamesSaysNothing) {
  for (const char* address : {kInformed, kPool, kBoth, kNowhere}) {
    EXPECT_FALSE(against("", address)) << address;
    EXPECT_FALSE(against("connection to mx\n inspect any\nmessage\n reject dkim = fail\n", address))
        << address;
  }
}

TEST_F(AdverseLists, ARuleThatActsMakesThemSpeak) {
  for (const char* rules :
       {"connection to mx\n drop category dynamic\n inspect any\n",
        "connection to other\n reset list pool\n inspect any\n",
        "connection to mx\n refuse list pool\n inspect any\n",
        "connection to mx\n drop weight >= 5\n inspect any\n",
        "connection to mx\n limit category dynamic 2/minute else drop\n inspect any\n",
        "message\n reject category dynamic\n accept any\n",
        "message\n quarantine list pool and dkim = fail\n accept any\n",
        "message\n accept any\nmessage to \"a.example\"\n defer category dynamic\n accept any\n"}) {
    EXPECT_FALSE(against(rules, kInformed)) << rules;
    EXPECT_TRUE(against(rules, kPool)) << rules;
    EXPECT_TRUE(against(rules, kBoth)) << rules;
    EXPECT_FALSE(against(rules, kNowhere)) << rules;
  }
}

TEST_F(AdverseLists, ARuleThatOnlyLooksDoesNot) {
  for (const char* rules : {"connection to mx\n observe drop category dynamic\n inspect any\n",
                            "connection to mx\n inspect category dynamic\n inspect any\n",
                            "message\n tag category dynamic\n accept any\n",
                            "message\n accept category dynamic and dkim = pass\n accept any\n"})
    EXPECT_FALSE(against(rules, kPool)) << rules;
  // What befalls everybody is not for the lists.
  EXPECT_FALSE(against("connection to mx\n limit any 2/minute else drop\n drop any\n", kPool));
}

}  // namespace
}  // namespace postern::policy
