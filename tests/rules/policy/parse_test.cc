// SPDX-License-Identifier: BSD-3-Clause
//
// What a policy file says, once it is understood.
#include "rules/policy/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using test::prefix;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

Policy parsed(std::string_view text) {
  return parse_policy(text, "site.policy");
}

TEST(Policy, MayBeEmpty) {
  for (const char* text : {"", "\n", "# nothing\n\r\n", "\xEF\xBB\xBF# nothing"}) {
    const auto policy = parsed(text);
    EXPECT_TRUE(policy.lists.empty());
    EXPECT_TRUE(policy.services.empty());
    EXPECT_EQ(policy.text, text);
    EXPECT_EQ(policy.file, "site.policy");
  }
}

TEST(Policy, KnowsEveryFormat) {
  for (const auto* format : list_formats()) {
    const std::string name(format->name());
    EXPECT_EQ(parsed("list a \"a\" format " + name + '\n').lists.at(0).format, name);
  }
  const auto complaint = test::complaint_of([] { parsed("list a \"a\" format excel\n"); });
  EXPECT_THAT(complaint,
              StartsWith("site.policy:1:19: \"excel\" is not a format; there are cidr, "));
  for (const auto* format : list_formats())
    EXPECT_THAT(complaint, HasSubstr(' ' + std::string(format->name())));
}

TEST(Policy, DeclaresLists) {
  const auto policy = parsed(
      "list plain \"a.netset\"\n"
      "list all \"/var/lists/b.json\" max-change 50% expires 7d format drop "
      "contact \"https://example.net/why\" category hijacked # in any order\n");
  ASSERT_EQ(policy.lists.size(), 2u);
  const auto& plain = policy.lists[0];
  EXPECT_EQ(plain.name, "plain");
  EXPECT_EQ(plain.file, "a.netset");
  EXPECT_EQ(plain.format + plain.category + plain.contact, "");
  EXPECT_FALSE(plain.expires || plain.max_change);
  EXPECT_EQ(plain.line, 1u);
  const auto& all = policy.lists[1];
  EXPECT_EQ(all.file, "/var/lists/b.json");
  EXPECT_EQ(all.format, "drop");
  EXPECT_EQ(all.category, "hijacked");
  EXPECT_EQ(all.contact, "https://example.net/why");
  EXPECT_EQ(all.expires, std::chrono::days(7));
  EXPECT_EQ(all.max_change, 0.5);
  EXPECT_EQ(all.line, 2u);
}

TEST(Policy, ReadsDurations) {
  using namespace std::chrono_literals;
  const std::pair<const char*, std::chrono::seconds> kCases[] = {
      {"1s", 1s}, {"90m", 90min}, {"12h", 12h}, {"2w", 14 * 24h}, {"3650d", 3650 * 24h}};
  for (const auto& [text, duration] : kCases)
    EXPECT_EQ(parsed(std::string("list a \"a\" expires ") + text).lists[0].expires, duration);
}

TEST(Policy, ProtectsPrefixes) {
  const auto policy = parsed("protect 192.0.2.0/24 2001:db8::/32\nprotect 198.51.100.7\n");
  EXPECT_THAT(policy.protects,
              ElementsAre(prefix("192.0.2.0/24"), prefix("2001:db8::/32"), prefix("198.51.100.7")));
  EXPECT_THAT(policy.protect_lines, ElementsAre(1u, 1u, 2u));
}

TEST(Policy, DeclaresServices) {
  const auto policy = parsed(
      "service mx 198.51.100.0/24 2001:db8:25::/64\n"
      "service submission 198.51.100.0/24 port 587\n");
  ASSERT_EQ(policy.services.size(), 2u);
  EXPECT_EQ(policy.services[0].name, "mx");
  EXPECT_THAT(policy.services[0].destinations,
              ElementsAre(prefix("198.51.100.0/24"), prefix("2001:db8:25::/64")));
  EXPECT_EQ(policy.services[0].port, 25);
  EXPECT_EQ(policy.services[1].port, 587);
  EXPECT_EQ(policy.services[1].line, 2u);
}

TEST(Policy, JudgesConnectionsByWhatMayBeDeclaredFurtherDown) {
  const auto policy = parsed(
      "connection to mx, backup\n"
      "  allow   list friends\n"
      "  drop category \t bad # why\n"
      "  inspect any\n"
      "connection to other\n"
      "  reset any\n"
      "list friends \"f\"\n"
      "list worse \"w\" category bad\n"
      "service mx 192.0.2.1\n"
      "service backup 192.0.2.2\n"
      "service other 192.0.2.3\n");
  ASSERT_EQ(policy.connections.size(), 2u);
  const auto& first = policy.connections[0];
  EXPECT_THAT(first.services, ElementsAre(0u, 1u));
  EXPECT_EQ(first.line, 1u);
  ASSERT_EQ(first.rules.size(), 3u);
  EXPECT_EQ(first.rules[0].action, Action::ALLOW);
  EXPECT_EQ(std::get<InList>(first.rules[0].match).list, 0u);
  EXPECT_EQ(first.rules[0].text, "allow list friends");
  EXPECT_EQ(first.rules[1].action, Action::DROP);
  EXPECT_EQ(std::get<InCategory>(first.rules[1].match).category, "bad");
  EXPECT_EQ(first.rules[1].text, "drop category bad");
  EXPECT_EQ(first.rules[1].line, 3u);
  EXPECT_EQ(first.rules[2].action, Action::INSPECT);
  EXPECT_TRUE(std::holds_alternative<AnySource>(first.rules[2].match));
  EXPECT_THAT(policy.connections[1].services, ElementsAre(2u));
  EXPECT_EQ(policy.connections[1].rules[0].action, Action::RESET);
}

TEST(Policy, JudgesMessages) {
  const auto policy = parsed(
      "list good \"g\" format domains category fine\n"
      "list more \"m\" category fine\n"
      "list addresses \"a\" format cidr category fine\n"
      "message\n"
      "  accept dkim=pass   and domain in fine\n"
      "  tag    dkim != temperror and domain = \"Example.NET.\" and reputation >= 0.25\n"
      "  defer  dns = error\n"
      "  reject category fine and list addresses and dns != ok\n"
      "  accept domain in good\n"
      "  accept any\n");
  ASSERT_EQ(policy.messages.size(), 6u);
  EXPECT_EQ(policy.messages[0].action, MessageAction::kAccept);
  EXPECT_EQ(policy.messages[0].text, "accept dkim=pass and domain in fine");
  EXPECT_THAT(policy.messages[0].conditions,
              ElementsAre(Condition(DkimIs{Comparison::kEqual, DkimWord::kPass}),
                          Condition(DomainInList{{0, 1}})));
  EXPECT_THAT(policy.messages[1].conditions,
              ElementsAre(Condition(DkimIs{Comparison::kNotEqual, DkimWord::kTempError}),
                          Condition(DomainIs{Comparison::kEqual, "example.net"}),
                          Condition(ReputationIs{Comparison::kGreaterEqual, 0.25})));
  EXPECT_THAT(policy.messages[2].conditions,
              ElementsAre(Condition(DnsIs{Comparison::kEqual, true})));
  EXPECT_THAT(policy.messages[3].conditions,
              ElementsAre(Condition(SourceInCategory{"fine"}), Condition(SourceInList{2}),
                          Condition(DnsIs{Comparison::kNotEqual, false})));
  EXPECT_THAT(policy.messages[4].conditions, ElementsAre(Condition(DomainInList{{0}})));
  EXPECT_TRUE(policy.messages[5].conditions.empty());
  EXPECT_EQ(policy.messages[5].line, 10u);
}

TEST(Policy, KnowsEveryWordOfDkim) {
  const std::pair<const char*, DkimWord> kWords[] = {
      {"pass", DkimWord::kPass},          {"fail", DkimWord::kFail},
      {"none", DkimWord::kNone},          {"policy", DkimWord::kPolicy},
      {"neutral", DkimWord::kNeutral},    {"temperror", DkimWord::kTempError},
      {"permerror", DkimWord::kPermError}};
  for (const auto& [word, value] : kWords)
    EXPECT_EQ(std::get<DkimIs>(
                  parsed(std::string("message\n tag dkim = ") + word).messages[0].conditions[0])
                  .word,
              value);
}

TEST(Policy, KnowsEveryComparison) {
  const std::pair<const char*, Comparison> kComparisons[] = {
      {"=", Comparison::kEqual},   {"!=", Comparison::kNotEqual},
      {"<", Comparison::kLess},    {"<=", Comparison::kLessEqual},
      {">", Comparison::kGreater}, {">=", Comparison::kGreaterEqual}};
  for (const auto& [op, comparison] : kComparisons) {
    const auto policy = parsed(std::string("message\n tag reputation") + op + "0.5");
    EXPECT_EQ(std::get<ReputationIs>(policy.messages[0].conditions[0]).comparison, comparison);
  }
}

TEST(Policy, ReadsCrlfFiles) {
  const auto policy =
      parsed("\xEF\xBB\xBFservice mx 192.0.2.1\r\nconnection to mx\r\n  drop any\r\n");
  EXPECT_EQ(policy.connections[0].rules[0].text, "drop any");
}

TEST(Policy, IsReadFromAFile) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("p", "protect 192.0.2.1\n");
  EXPECT_EQ(read_policy(path).protects.size(), 1u);
  EXPECT_EQ(read_policy(path).file, path);
  EXPECT_EQ(test::complaint_of([&] { read_policy(directory.path("missing")); }),
            directory.path("missing") + ": cannot be read: No such file or directory");
}

}  // namespace
}  // namespace postern
