// SPDX-License-Identifier: BSD-3-Clause
//
// Formats ip4set, ip4trie, ip6trie and combined: what is an entry, with which value, and bad lines.
// That rbldnsd agrees, rbldnsd_peer_test asks it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> levels_of(const ListContent& content) {
  std::vector<std::string> levels;
  for (const auto& entry : content.v4)
    levels.push_back((content.notes[entry.note].excluded ? "!" : "") + range_of(entry).to_string() +
                     " at /" + std::to_string(content.notes[entry.note].specificity.value()));
  return levels;
}

TEST(Ip4set, ReadsEverySpelling) {
  const auto content =
      read_list("ip4set",
                "10.0.0.0/24\n127.0.0\n10/24\n10.0.0.1-255\n"
                "127.16-31\n127.16.0.0-127.31.255.255\n127.16.0-127.31.255\n"
                "127.16/12\n20-21\n127.16.0-31 ; c\n10.1.2.3#c\n10.1.2.3-10.1.2.3\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(
      levels_of(content),
      ElementsAre("10.0.0.0/24 at /24", "127.0.0.0/24 at /24", "10.0.0.0/24 at /24",
                  "10.0.0.1-10.0.0.255 at /32", "127.16.0.0/12 at /16", "127.16.0.0/12 at /16",
                  "127.16.0.0/12 at /16", "127.16.0.0/12 at /16", "20.0.0.0/7 at /8",
                  "127.16.0.0/19 at /24", "10.1.2.3/32 at /32", "10.1.2.3/32 at /32"));
}

TEST(Ip4set, CutsARangeIntoPiecesAtTheFourLevels) {
  EXPECT_THAT(levels_of(read_list("ip4set", "10.1.1.1-12.3.3.3\n")),
              ElementsAre("10.1.1.1-10.1.1.255 at /32", "12.3.3.0/30 at /32",
                          "10.1.2.0-10.1.255.255 at /24", "12.3.0.0-12.3.2.255 at /24",
                          "10.2.0.0-10.255.255.255 at /16", "12.0.0.0-12.2.255.255 at /16",
                          "11.0.0.0/8 at /8"));
  EXPECT_THAT(levels_of(read_list("ip4set", "0/0\n")), ElementsAre("0.0.0.0/0 at /8"));
  EXPECT_THAT(levels_of(read_list("ip4set", "!10/25\n")), ElementsAre("!10.0.0.0/25 at /32"));
  EXPECT_THAT(levels_of(read_list("ip4set", "255.255.255.254-255.255.255.255\n")),
              ElementsAre("255.255.255.254/31 at /32"));
}

TEST(Ip4set, TheFinestLevelAnswers) {
  const auto content = read_list("ip4set",
                                 "10/8 :3:\n10.1 :4:\n!10.1.2\n10.1.2.3 :5:\n10.1.2.3 :6:\n"
                                 "!10.1.3.0/25\n10.1.3.4\n");
  EXPECT_EQ(words_at(content, "10.9.9.9"), "127.0.0.3");
  EXPECT_EQ(words_at(content, "10.1.9.9"), "127.0.0.4");
  EXPECT_EQ(words_at(content, "10.1.2.4"), "");
  EXPECT_EQ(words_at(content, "10.1.2.3"), "127.0.0.5 127.0.0.6");
  EXPECT_EQ(words_at(content, "10.1.3.4"), "");  // both are of level /32, and the exclusion wins
  EXPECT_EQ(words_at(content, "10.1.3.128"), "127.0.0.4");
}

TEST(Ip4set, ReadsValuesAndTemplates) {
  const auto content =
      read_list("ip4set",
                "$SOA 3000 ns.example.net hostmaster.example.net 0 600 300 86400 300\n"
                "$TTL 1h\n#$NS 1w a.example.net\n"
                "10.0.0.1\n"
                ":5:see $1\n"
                "10.0.0.2\n"
                "10.0.0.3 :6\n"
                "10.0.0.4 :6:\n"
                "10.0.0.5 other $ $$ $2\n"
                "10.0.0.6:127.0.1.7:own\n"
                "10.0.0.7 # x\n"
                "10.0.0.8 :300:x\n10.0.0.8 :0:x\n10.0.0.8 :3 x\n:1.2\n"
                "$1 a place\n$1 second\n");
  std::vector<std::string> values;
  for (const auto& note : notes_of(content)) values.push_back(note.word + " " + note.text);
  EXPECT_THAT(values, ElementsAre("127.0.0.2 ", "127.0.0.5 see a place", "127.0.0.6 see a place",
                                  "127.0.0.6 ", "127.0.0.5 other $ $$ $2", "127.0.1.7 own",
                                  "127.0.0.5 see a place"));
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:12: \"300\" is not an A value; 127.0.0.2 is one, or 2 for short",
                          HasSubstr("a.list:13: \"0\" is not an A value"),
                          "a.list:14: \":3 x\" has no second colon in front of its text",
                          HasSubstr("a.list:15: \"1.2\" is not an A value")));
}

TEST(Ip4set, PutsTextsIntoTheBaseTemplate) {
  const auto content =
      read_list("ip4set", "$= see $1?$= ($)\n$1 url\n10.0.0.1 r$1\n10.0.0.2\n10.0.0.3 =own $1\n");
  std::vector<std::string> texts;
  for (const auto& note : notes_of(content)) texts.push_back(note.text);
  EXPECT_THAT(texts, ElementsAre("see url?r$1 ($)", "see url?$ ($)", "own url"));
}

TEST(Ip4set, SaysWhatIsWrongWithALine) {
  const auto content = read_list("ip4set",
                                 "10\n10.1.2.1/24\n012.0.0.1\n1.2-1.2.3.4\n1.2.3.9-1.2.3.4\n"
                                 "2001:db8::1\n$FOO x\n$MAXRANGE4 /24\n10.1/16\n1.2.3.256\n"
                                 "# comment\n; comment\n#$Id: x$\n$TIMESTAMP 2026:01:01\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"10\" is a single octet; did you mean 10.0.0.0/8?",
                          HasSubstr("a.list:2: \"10.1.2.1/24\" has bits set behind its length"),
                          HasSubstr("a.list:3: \"012.0.0.1\" has an octet with a leading zero"),
                          "a.list:4: \"1.2-1.2.3.4\" has ends of different numbers of octets",
                          "a.list:5: \"1.2.3.9-1.2.3.4\" ends before it begins",
                          "a.list:6: \"2001\" is not one to four octets of an address",
                          "a.list:7: \"$FOO x\" is not a special entry of rbldnsd",
                          "a.list:9: 10.1.0.0/16 is larger than $MAXRANGE4 allows",
                          "a.list:10: \"1.2.3.256\" is not one to four octets of an address"));
  EXPECT_THAT(remarks_of(content),
              ElementsAre("a.list:14: $TIMESTAMP is not looked at: its data do not expire by "
                          "themselves"));
}

TEST(Ip4trie, TheLongestPrefixAnswers) {
  const auto content = read_list("ip4trie",
                                 ":3:def\n10/8\n!10.1/17\n10.1.2.0/25 :4:\n!10.1.2.1\n"
                                 "10.1.2.0/25 :5:\n10.2.0-3\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("10.0.0.0/8@2", "10.1.0.0/17@3", "10.1.2.0/25@4", "10.1.2.1/32@5"));
  EXPECT_EQ(words_at(content, "10.1.200.0"), "127.0.0.3");
  EXPECT_EQ(words_at(content, "10.1.1.0"), "");
  EXPECT_EQ(words_at(content, "10.1.2.1"), "");
  EXPECT_EQ(words_at(content, "10.1.2.2"), "127.0.0.4");
  EXPECT_THAT(remarks_of(content), ElementsAre("a.list:6: this prefix was there before, and the "
                                               "first entry of one counts"));
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:7: \"10.2.0-3\" is not one to four octets of an address"));
}

TEST(Ip6trie, ReadsGroupsAndPrefixes) {
  const auto content = read_list("ip6trie",
                                 ":127.0.1.2: Listed, $\n"
                                 "2001:db8\n2001:db8:1:2 :3:x\n2001:db8:c000/36\n::1 # localhost\n"
                                 "!2001:db8::bead\n2002/16\n2001:db8:1:2:3:4:5:6\n");
  EXPECT_THAT(
      entries_of(content),
      ElementsAre("2001:db8::/32@2", "2001:db8:1:2::/64@3", "2001:db8:c000::/36@4", "::1/128@5",
                  "2001:db8::bead/128@6", "2002::/16@7", "2001:db8:1:2:3:4:5:6/128@8"));
  EXPECT_EQ(notes_of(content)[0].text, "Listed, $");
  EXPECT_EQ(words_at(content, "2001:db8:1:2::5"), "127.0.0.3");
  EXPECT_EQ(words_at(content, "2001:db8::bead"), "");
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(Ip6trie, SaysWhatIsWrongWithALine) {
  const auto content = read_list(
      "ip6trie", "2001\n2001:db8:\n2001:db8::1/32\n10.1.2.3\nexample.net\n::ffff:10.0.0.1\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre(HasSubstr("a.list:1: \"2001\" is not"),
                          HasSubstr("a.list:2: \"2001:db8:\" is not an address"),
                          HasSubstr("a.list:3: \"2001:db8::1/32\" has bits set"),
                          HasSubstr("a.list:4: \"10.1.2.3"), HasSubstr("a.list:5: \"example.net"),
                          HasSubstr("a.list:6: \"::ffff:10.0.0.1\" is IPv4 written as IPv6")));
}

TEST(Combined, ReadsTheDatasetsOfAddresses) {
  const auto content = read_list("combined",
                                 "$NS 1w ns.example.net\n$1 place\n"
                                 "$DATASET ip4set:proxy proxies @\n"
                                 ":2:proxy, see $1\n10/8\n!10.1.2.3\n"
                                 "$DATASET ip4trie relays\n"
                                 ":3:relay $1$2\n10.1.2.0/24\n$2 s\n"
                                 "$DATASET dnset names\nexample.net\n"
                                 "$DATASET ip4trie\n10.9.0.0/16\n"
                                 "$DATASET ip6trie:x six # comment\n2001:db8\n"
                                 "$DATASET ip4tset t\n10.3.3.3\n:9:late\n:8:later\n!10.4.4.4\n"
                                 "$DATASET ip6tset u\n2001:db9:1:2\n!2001:db9:1:2::3\n2001:db9\n");
  EXPECT_EQ(content.overlap, Overlap::kAll);
  EXPECT_EQ(words_at(content, "10.1.2.3"), "127.0.0.3");  // excluded by the first only
  EXPECT_EQ(words_at(content, "10.1.2.4"), "127.0.0.2 127.0.0.3");
  EXPECT_EQ(words_at(content, "10.9.0.1"), "127.0.0.2");
  EXPECT_EQ(words_at(content, "10.3.3.3"), "127.0.0.2 127.0.0.9");
  EXPECT_EQ(words_at(content, "2001:db8::1"), "127.0.0.2");
  EXPECT_EQ(words_at(content, "2001:db9:1:2::3"), "");
  EXPECT_EQ(words_at(content, "2001:db9:1:2::4"), "127.0.0.2");
  EXPECT_EQ(notes_of(content).back().word, "127.0.0.2");
  EXPECT_THAT(
      remarks_of(content),
      ElementsAre("a.list:11: this dataset is of type dnset, not of addresses in a list, so "
                  "it is not read",
                  "a.list:13: this dataset has no subzone that it is for, so it is not read"));
  EXPECT_THAT(skipped_of(content), ElementsAre(HasSubstr("a.list:21: \"!10.4.4.4\" is not one"),
                                               HasSubstr("a.list:25: \"2001:db9\" is not a /64")));
}

TEST(Combined, IsRefusedWithADatasetThatNobodyKnows) {
  EXPECT_THROW(read_list("combined", "$DATASET ip5set x\n10.0.0.1\n"), BadInput);
  EXPECT_THAT(skipped_of(read_list("combined", "10.0.0.1\n$DATASET ip4set x\n10.0.0.2\n")),
              ElementsAre("a.list:1: \"10.0.0.1\" stands in front of the first $DATASET"));
}

}  // namespace
}  // namespace postern::test
