// SPDX-License-Identifier: BSD-3-Clause
//
// Format p2p: names of any bytes, ranges, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(P2p, ReadsNamesAndRanges) {
  const auto content = read_list("p2p",
                                 "# PeerGuardian\n"
                                 "Some Org:192.0.2.0-192.0.2.255\r\n"
                                 "a: b, c:d :198.51.100.1-198.51.100.9\n"
                                 "Net #5:203.0.113.1-203.0.113.1\n"
                                 "Caf\xe9:203.0.113.2-203.0.113.3\n"
                                 ":203.0.113.7-203.0.113.7\n");
  EXPECT_THAT(entries_of(content),
              ElementsAre("192.0.2.0/24@2", "198.51.100.1-198.51.100.9@3", "203.0.113.1/32@4",
                          "203.0.113.2/31@5", "203.0.113.7/32@6"));
  EXPECT_THAT(notes_of(content),
              ElementsAre(EntryNote{.text = "Some Org"}, EntryNote{.text = "a: b, c:d"},
                          EntryNote{.text = "Net #5"}, EntryNote{.text = "Caf\xe9"}, EntryNote{}));
  EXPECT_THAT(skipped_of(content), IsEmpty());
}

TEST(P2p, KeepsOnlySoMuchOfAName) {
  const auto content = read_list("p2p", std::string(100000, 'x') + ":192.0.2.0-192.0.2.255\n");
  EXPECT_EQ(notes_of(content)[0].text, std::string(NoteTable::kMaxText, 'x'));
}

TEST(P2p, SaysWhatIsWrongWithALine) {
  const auto content = read_list("p2p",
                                 "Some Org\n"
                                 "Some Org:192.0.2.9-192.0.2.1\n"
                                 "Some Org:001.002.003.004-001.002.003.005\n"
                                 "Some \x1b[2J\n"
                                 "Org:192.0.2.0-192.0.2.9:x\n"
                                 "v6:2001:db8::1-2001:db8::2\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"Some Org\" is not name:first-last",
                          "a.list:2: \"192.0.2.9-192.0.2.1\" ends before it begins",
                          HasSubstr("a.list:3: \"001.002.003.004-001.002.003.005\" has an octet"),
                          "a.list:4: \"Some ?[2J\" is not name:first-last",
                          HasSubstr("a.list:5: \"x\" is not an address"),
                          HasSubstr("a.list:6: \"2\" is not an address")));
}

}  // namespace
}  // namespace postern::test
