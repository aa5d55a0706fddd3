// SPDX-License-Identifier: BSD-3-Clause
//
// What a policy file says, once it is understood.
#include "rules/policy/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <tuple>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "rules/policy/names.h"
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
    ASSERT_EQ(policy.sources.size(), 1u);
    EXPECT_EQ(policy.sources[0].text, text);
    EXPECT_EQ(policy.file(), "site.policy");
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
  EXPECT_EQ(plain.place.line, 1u);
  const auto& all = policy.lists[1];
  EXPECT_EQ(all.file, "/var/lists/b.json");
  EXPECT_EQ(all.format, "drop");
  EXPECT_EQ(all.category, "hijacked");
  EXPECT_EQ(all.contact, "https://example.net/why");
  EXPECT_EQ(all.expires, std::chrono::days(7));
  EXPECT_EQ(all.max_change, 0.5);
  EXPECT_EQ(all.place.line, 2u);
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
  const std::pair<Prefix, uint32_t> kExpected[] = {
      {prefix("192.0.2.0/24"), 1}, {prefix("2001:db8::/32"), 1}, {prefix("198.51.100.7"), 2}};
  ASSERT_EQ(policy.protects.size(), 3u);
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ(std::get<Prefix>(policy.protects[i].what), kExpected[i].first);
    EXPECT_EQ(policy.protects[i].place.line, kExpected[i].second);
  }
}

TEST(Policy, ProtectsListsAndCategories) {
  const auto policy =
      parsed("protect list late 192.0.2.1 category fine\nlist late \"l\" category fine\n");
  ASSERT_EQ(policy.protects.size(), 3u);
  EXPECT_EQ(std::get<ProtectedList>(policy.protects[0].what).list, 0u);
  EXPECT_EQ(std::get<ProtectedCategory>(policy.protects[2].what).category, "fine");
}

TEST(Policy, BoundsLists) {
  const auto policy = parsed(
      "list a \"a\" weight -3 stale after 2d refuse max-share 0.5% max-range /8 /19\n"
      "list b \"b\" stale after 12h keep max-range /16\nlist c \"c\" stale after 1w ignore\n");
  const auto& list = policy.lists[0];
  EXPECT_EQ(list.weight, -3);
  EXPECT_EQ(list.stale->after, std::chrono::days(2));
  EXPECT_EQ(list.stale->then, StaleRule::Then::kRefuse);
  EXPECT_EQ(list.max_share, 0.005);
  EXPECT_EQ(list.max_range_v4, 8);
  EXPECT_EQ(list.max_range_v6, 19);
  EXPECT_EQ(policy.lists[1].weight, kDefaultWeight);
  EXPECT_EQ(policy.lists[1].stale->then, StaleRule::Then::kKeep);
  EXPECT_EQ(policy.lists[1].max_range_v6, std::nullopt);
  EXPECT_EQ(policy.lists[2].stale->then, StaleRule::Then::kIgnore);
}

TEST(Policy, MapsValuesToSubLists) {
  const auto policy = parsed(
      "list rbl \"rbl\" category spam\n"
      "  map 127.0.0.10 category dynamic\n"
      "  map \"open proxy\" category proxy weight 3\n\n"
      "  map value >= 3 weight 2   # a count\n"
      "  map any ignore\n"
      "service mx 192.0.2.1\nconnection to mx\n drop category dynamic\n reset category proxy\n");
  const auto& maps = policy.lists[0].maps;
  ASSERT_EQ(maps.size(), 4u);
  EXPECT_EQ(std::get<ValueMap::WordIs>(maps[0].match).word, "127.0.0.10");
  EXPECT_EQ(maps[0].category, "dynamic");
  EXPECT_EQ(maps[0].weight, std::nullopt);
  EXPECT_EQ(maps[0].text, "map 127.0.0.10 category dynamic");
  EXPECT_EQ(std::get<ValueMap::WordIs>(maps[1].match).word, "open proxy");
  EXPECT_EQ(maps[1].weight, 3);
  const auto& number = std::get<ValueMap::NumberIs>(maps[2].match);
  EXPECT_EQ(number.comparison, Comparison::kGreaterEqual);
  EXPECT_EQ(number.number, 3);
  EXPECT_EQ(maps[2].place.line, 5u);
  EXPECT_TRUE(std::holds_alternative<ValueMap::Any>(maps[3].match));
  EXPECT_TRUE(maps[3].ignored);
}

TEST(Policy, SaysWhereListsComeFrom) {
  const auto policy = parsed(
      "list a \"a\"\n  fetch \"https://Lists.example.net:8443/a?x=1\" max-bytes 50M\n"
      "list b \"b\"\n  fetch \"https://example.net/b\" checksum \"https://example.net/b.sum\" "
      "signature \"https://example.net/b.sig\" key \"b.pem\" "
      "pin \"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;"
      "sha256//ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=\"\n");
  ASSERT_TRUE(policy.lists[0].fetch && policy.lists[1].fetch);
  EXPECT_EQ(policy.lists[0].fetch->url, "https://Lists.example.net:8443/a?x=1");
  EXPECT_EQ(policy.lists[0].fetch->max_bytes, uint64_t{50} << 20);
  EXPECT_EQ(policy.lists[1].fetch->checksum_url, "https://example.net/b.sum");
  EXPECT_EQ(policy.lists[1].fetch->signature_url, "https://example.net/b.sig");
  EXPECT_EQ(policy.lists[1].fetch->key_file, "b.pem");
  EXPECT_EQ(policy.lists[1].fetch->pin.size(), 2 * 52u + 1);
}

TEST(Policy, LimitsObservesAndRefuses) {
  const auto policy = parsed(
      "list a \"a\" weight 3\nservice mx 192.0.2.1\nconnection to mx\n"
      "  observe reset list a hard\n  limit any 20/minute burst 40 else refuse\n"
      "  observe limit list a 5/second else drop\n  refuse greeting weight>=4\n  refuse any\n");
  const auto& rules = policy.connections[0].rules;
  ASSERT_EQ(rules.size(), 5u);
  EXPECT_TRUE(rules[0].observe && rules[0].hard);
  EXPECT_EQ(rules[0].text, "observe reset list a hard");
  ASSERT_TRUE(rules[1].limit);
  EXPECT_EQ(*rules[1].limit, (RateLimit{20, std::chrono::minutes(1), 40, Action::REFUSE}));
  EXPECT_TRUE(rules[2].observe && rules[2].limit);
  EXPECT_EQ(*rules[2].limit, (RateLimit{5, std::chrono::seconds(1), 5, Action::DROP}));
  EXPECT_TRUE(rules[3].greeting);
  EXPECT_EQ(std::get<WeightIs>(rules[3].match).weight, 4);
  EXPECT_EQ(rules[4].action, Action::REFUSE);
}

TEST(Policy, JudgesWhatComesFromInside) {
  const auto policy = parsed(
      "list homes \"h\"\nlist hosts \"s\" category smart\n"
      "connection from list homes, category smart port 587\n  allow to list hosts\n  reset any\n");
  ASSERT_EQ(policy.outbound.size(), 1u);
  const auto& block = policy.outbound[0];
  EXPECT_EQ(block.port, 587);
  ASSERT_EQ(block.sources.size(), 2u);
  EXPECT_EQ(std::get<InList>(block.sources[0]).list, 0u);
  EXPECT_EQ(std::get<InCategory>(block.sources[1]).category, "smart");
  ASSERT_EQ(block.rules.size(), 2u);
  EXPECT_EQ(std::get<InList>(block.rules[0].match).list, 1u);
  EXPECT_EQ(block.rules[0].text, "allow to list hosts");
}

// Files by name, as a test gives them.
SourceReader reader_of(std::map<std::string, std::string> files) {
  return [files = std::move(files)](const std::string& file) {
    const auto found = files.find(file);
    if (found == files.end()) throw BadInput(Diagnostic{.file = file, .message = "is not there"});
    return found->second;
  };
}

TEST(Policy, IncludesOtherFiles) {
  const auto reader = reader_of({{"/etc/p/lists/all.policy",
                                  "list a \"a.txt\"\n  map any weight 2\n"
                                  "include \"more.policy\"\n"},
                                 {"/etc/p/lists/more.policy", "service mx 192.0.2.1\n"}});
  const auto policy = parse_policy(
      "include \"lists/all.policy\"\nlist b \"b.txt\"\nconnection to mx\n  drop list a\n",
      "/etc/p/site.policy", reader);
  ASSERT_EQ(policy.sources.size(), 3u);
  EXPECT_EQ(policy.sources[1].file, "/etc/p/lists/all.policy");
  EXPECT_EQ(policy.lists[0].place, (PolicyPlace{1, 1}));
  EXPECT_EQ(path_of(policy, policy.lists[0]), "/etc/p/lists/a.txt");
  EXPECT_EQ(path_of(policy, policy.lists[1]), "/etc/p/b.txt");
  EXPECT_EQ(place_text(policy, policy.services[0].place), "/etc/p/lists/more.policy:1");
  const auto again = parse_sources(policy.sources);
  EXPECT_EQ(again.lists.size(), 2u);
  EXPECT_EQ(again.connections[0].rules[0].place, policy.connections[0].rules[0].place);
}

TEST(Policy, RefusesIncludesThatCannotBe) {
  const auto complaint = [](const std::string& text, std::map<std::string, std::string> files) {
    return test::complaint_of([&] { parse_policy(text, "p", reader_of(std::move(files))); });
  };
  EXPECT_EQ(
      complaint("include \"a\"\n", {{"a", "# x\n include \"b\"\n"}, {"b", "include \"a\"\n"}}),
      "b:1:9: this file is included already, at p:1\n"
      "  include \"a\"\n"
      "          ^");
  EXPECT_THAT(complaint("include \"a\"\ninclude \"./a\"\n", {{"a", ""}}),
              testing::HasSubstr("p:2:9: this file is included already, at p:1"));
  EXPECT_THAT(complaint("include \"a\"\n", {{"a", "include \"p\"\n"}}),
              testing::HasSubstr("a:1:9: this is the policy itself"));
  EXPECT_THAT(complaint("include \"a\"\n", {}), testing::HasSubstr("p:1:9: \"a\" is not there"));
  EXPECT_THAT(complaint("include \"a\"\ndrop any\n", {{"a", "connection to x\nservice x y\n"}}),
              testing::HasSubstr("p:2:1: a rule with \"drop\" stands under \"connection\""));
  EXPECT_EQ(complaint("include \"a\"\n", {{"a", std::string(5 << 20, '#')}}),
            "p: a policy has at most 4 MiB, with all that it includes");
}

TEST(Policy, FollowsNoLoopOfLinks) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("p", "include \"loop\"\n");
  std::filesystem::create_symlink("loop", directory.path("loop"));
  EXPECT_THAT(test::complaint_of([&] { read_policy(path); }),
              testing::HasSubstr("cannot be read: Too many levels of symbolic links"));
}

TEST(Policy, DeclaresServices) {
  const auto policy = parsed(
      "service mx 198.51.100.0/24 2001:db8:25::/64\n"
      "service submission 198.51.100.0/24 port 587 name \"mx-1.example\"\n");
  ASSERT_EQ(policy.services.size(), 2u);
  EXPECT_EQ(policy.services[0].host_name, "");
  EXPECT_EQ(policy.services[1].host_name, "mx-1.example");
  EXPECT_EQ(policy.services[0].name, "mx");
  EXPECT_THAT(policy.services[0].destinations,
              ElementsAre(prefix("198.51.100.0/24"), prefix("2001:db8:25::/64")));
  EXPECT_EQ(policy.services[0].port, 25);
  EXPECT_EQ(policy.services[1].port, 587);
  EXPECT_EQ(policy.services[1].place.line, 2u);
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
  EXPECT_EQ(first.place.line, 1u);
  ASSERT_EQ(first.rules.size(), 3u);
  EXPECT_EQ(first.rules[0].action, Action::ALLOW);
  EXPECT_EQ(std::get<InList>(first.rules[0].match).list, 0u);
  EXPECT_EQ(first.rules[0].text, "allow list friends");
  EXPECT_EQ(first.rules[1].action, Action::DROP);
  EXPECT_EQ(std::get<InCategory>(first.rules[1].match).category, "bad");
  EXPECT_EQ(first.rules[1].text, "drop category bad");
  EXPECT_EQ(first.rules[1].place.line, 3u);
  EXPECT_EQ(first.rules[2].action, Action::INSPECT);
  EXPECT_TRUE(std::holds_alternative<AnyAddress>(first.rules[2].match));
  EXPECT_THAT(policy.connections[1].services, ElementsAre(2u));
  EXPECT_EQ(policy.connections[1].rules[0].action, Action::RESET);
}

// Kinds that let the search go on take nothing from one another, nor does one block from the next.
TEST(Policy, HasRulesBehindOthersThatLeaveThemSomething) {
  const auto policy = parsed(
      "list a \"a\" category x\nlist b \"b\" category x\n"
      "service mx 192.0.2.1\nservice other 192.0.2.2\n"
      "connection to mx\n"
      "  limit weight >= 6 5/hour else drop\n"
      "  limit weight >= 4 9/hour else drop\n"
      "  observe limit weight >= 6 5/day else drop\n"
      "  observe drop weight >= 4\n"
      "  observe reset weight < 3\n"
      "  observe drop list a\n"
      "  limit category x 9/day else drop\n"
      "  drop list b\n"
      "  observe reset any\n"
      "  drop weight >= 4\n"
      "connection to other\n"
      "  limit weight >= 6 5/hour else drop\n"
      "  drop weight >= 5\n");
  EXPECT_EQ(policy.connections[0].rules.size(), 10u);
  EXPECT_EQ(policy.connections[1].rules.size(), 2u);
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
  EXPECT_EQ(policy.messages[5].place.line, 10u);
}

TEST(Policy, JudgesMessagesByTheirRecipients) {
  const auto policy = parsed(
      "message to \"a.sub.example\", list customers\n"
      "  reject any\n"
      "list customers \"c\" format domains category paying\n"
      "list guests    \"g\" category paying\n"
      "list addresses \"n\" format cidr category paying\n"
      "message\n"
      "  quarantine dkim = fail\n"
      "message to   category  paying , \"Sub.Example.\"\n"
      "  tag    dkim = fail\n"
      "  accept any\n"
      "message to \"other.example\"\n");
  ASSERT_EQ(policy.messages.size(), 1u);
  EXPECT_EQ(policy.messages[0].action, MessageAction::kQuarantine);
  ASSERT_EQ(policy.message_blocks.size(), 3u);
  const auto& [first, second, third] =
      std::tie(policy.message_blocks[0], policy.message_blocks[1], policy.message_blocks[2]);
  EXPECT_THAT(first.domains, ElementsAre("a.sub.example"));
  EXPECT_THAT(first.lists, ElementsAre(DomainInList{{0}}));
  EXPECT_EQ(first.rules.size(), 1u);
  EXPECT_EQ(first.place.line, 1u);
  // What an earlier block has is not this one's; a domain above one of an earlier block is.
  EXPECT_THAT(second.domains, ElementsAre("sub.example"));
  EXPECT_THAT(second.lists, ElementsAre(DomainInList{{1}}));
  EXPECT_EQ(second.rules.size(), 2u);
  EXPECT_EQ(second.text, "message to category paying , \"Sub.Example.\"");
  EXPECT_TRUE(third.rules.empty());
}

TEST(Policy, HasSoManyBlocksOfMessageRulesAndNoMore) {
  std::string text;
  for (size_t i = 0; i < kMaxMessageBlocks; i++)
    text += "message to \"d" + std::to_string(i) + ".example\"\n accept any\n";
  EXPECT_EQ(parsed(text).message_blocks.size(), kMaxMessageBlocks);
  EXPECT_THROW(parsed(text + "message to \"one.example\"\n accept any\n"), BadInput);
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
  EXPECT_EQ(read_policy(path).file(), path);
  EXPECT_EQ(test::complaint_of([&] { read_policy(directory.path("missing")); }),
            directory.path("missing") + ": cannot be read: No such file or directory");
}

}  // namespace
}  // namespace postern
