// SPDX-License-Identifier: BSD-3-Clause
//
// Compiling as a whole: what the result says, what stays the same, and what is refused.
#include "rules/compile/compile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class Compiling : public testing::Test {
 protected:
  Compiling() {
    shop_.list("bad.txt", "192.0.2.0/24\n2001:db8:bad::/48\n");
    shop_.list("worse.txt", "192.0.2.128/25\nnonsense\n2001:db8:bad:1::/64\n");
  }
  static constexpr const char* kPolicy =
      "list bad \"bad.txt\" category spam contact \"mailto:postmaster@example.net\"\n"
      "list worse \"worse.txt\" category spam\n"
      "protect 192.0.2.200\n"
      "service mx 198.51.100.0/24 2001:db8:25::/64\n"
      "connection to mx\n"
      "  reset list worse\n"
      "  drop category spam\n";
  Workshop shop_;
};

TEST_F(Compiling, ReportsWhatItDid) {
  const auto result = shop_.compile(kPolicy);
  EXPECT_EQ(result.classes, 4u);  // none, bad, bad and worse, those and protected
  ASSERT_EQ(result.lists.size(), 2u);
  EXPECT_EQ(result.lists[0].name, "bad");
  EXPECT_EQ(result.lists[0].entries, 2u);
  EXPECT_EQ(result.lists[1].skipped, 1u);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_THAT(result.warnings[0].to_string(), HasSubstr("worse.txt:2: \"nonsense\""));
}

TEST_F(Compiling, SharesClassesBetweenFamilies) {
  const auto snapshot = shop_.snapshot(kPolicy);
  EXPECT_EQ(snapshot->class_of(address("192.0.2.1")),
            snapshot->class_of(address("2001:db8:bad::1")));
}

TEST_F(Compiling, MakesTheSameBytesOfTheSameInput) {
  const CompileOptions options{.now = std::chrono::sys_seconds(std::chrono::seconds(1700000000))};
  EXPECT_EQ(shop_.compile(kPolicy, options).bytes, shop_.compile(kPolicy, options).bytes);
}

TEST_F(Compiling, GrowsItsGeneration) {
  const CompileOptions past{.now = std::chrono::sys_seconds(std::chrono::seconds(1700000000))};
  const auto first = shop_.snapshot(kPolicy, past);
  EXPECT_EQ(first->generation(), 1700000000000000u);
  EXPECT_EQ(first->created(), 1700000000);
  auto options = past;
  options.previous = first.get();
  EXPECT_EQ(shop_.snapshot(kPolicy, options)->generation(), first->generation() + 1);
  EXPECT_GT(shop_.snapshot(kPolicy)->generation(), first->generation());
}

TEST_F(Compiling, CountsExpiredListsForNothing) {
  const CompileOptions later{
      .now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
             std::chrono::days(10)};
  const auto snapshot = shop_.snapshot(
      "list bad \"bad.txt\" expires 7d\nservice mx 198.51.100.1\nconnection to mx\n drop list "
      "bad\n",
      later);
  EXPECT_THAT(snapshot->lists_of(snapshot->class_of(address("192.0.2.1")), snapshot->created()),
              IsEmpty());
  EXPECT_TRUE(snapshot->lists()[0].expired);
  const auto explanation =
      snapshot->explain(address("192.0.2.1"), std::nullopt, snapshot->created());
  EXPECT_EQ(explanation.services[0].verdict.reason, PS_REASON_NO_RULE);
  EXPECT_EQ(explanation.entries.size(), 1u);  // known, for people to see
}

TEST_F(Compiling, CompilesAPolicyWithNothingInIt) {
  const auto snapshot = shop_.snapshot("");
  EXPECT_EQ(snapshot->header().class_count, 1u);
  EXPECT_EQ(snapshot->header().policy_count, 0u);
  EXPECT_EQ(snapshot->class_of(address("192.0.2.1")), 0u);
  EXPECT_EQ(snapshot->service_of(address("192.0.2.1"), 25), std::nullopt);
  EXPECT_THAT(snapshot->explain(address("192.0.2.1"), std::nullopt, snapshot->created()).services,
              IsEmpty());
}

TEST_F(Compiling, RefusesMoreClassesThanTheFormatHas) {
  // Sixteen lists, each with every address that has its bit: 65,536 sets of them.
  std::string policy;
  for (int list = 0; list < 16; list++) {
    std::string text;
    const int length = 32 - list - 1;
    for (uint32_t block = 1; block < (2u << (15 - list)); block += 2) {
      const auto first = IpAddress::v4(0x0a000000u + (block << list));
      text += Prefix::make(first, length + 1, Prefix::HostBits::kRefuse)->to_string() + '\n';
    }
    const auto name = "l" + std::to_string(list);
    shop_.list(name, text);
    policy += "list " + name + " \"" + name + "\"\n";
  }
  EXPECT_THAT(complaint_of([&] { shop_.compile(policy); }),
              HasSubstr("the lists overlap in more than 65535 different ways; one too many is that "
                        "of 10.0.255.255, in l0, l1, l2"));
}

TEST_F(Compiling, RefusesABadListAsAWhole) {
  shop_.list("bad.txt", "<html>");
  EXPECT_THAT(complaint_of([&] { shop_.compile(kPolicy); }), HasSubstr("bad.txt: is HTML"));
}

}  // namespace
}  // namespace postern::test
