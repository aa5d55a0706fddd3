// SPDX-License-Identifier: BSD-3-Clause
//
// Format sendmail-access: keys of connections and their values, what is only remarked, bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/naive_listing.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SendmailAccess, TheLongestMatchCounts) {
  const auto content = read_list("sendmail-access",
                                 "# access\n"
                                 "Connect:192.0.2\tREJECT\n"
                                 "connect:192.0.2.1\tOK\n"
                                 "192.0.2.2   RELAY\n"
                                 "10\tERROR:5.7.1:550 no pools\n"
                                 "10.1.2.0/25 550 We do not want you\n"
                                 "Connect:10.1.2.5 SKIP\n"
                                 "Connect:IPv6:2001:db8 DISCARD\n"
                                 "IPv6:2001:db8:1:2:3:4:5:6 OK\n"
                                 "IPv6:2001:db8::5 REJECT\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_EQ(words_at(content, "192.0.2.9"), "REJECT");
  EXPECT_EQ(words_at(content, "192.0.2.1"), "");
  EXPECT_EQ(words_at(content, "192.0.2.2"), "");
  EXPECT_EQ(words_at(content, "10.9.9.9"), "ERROR");
  EXPECT_EQ(words_at(content, "10.1.2.4"), "550");
  EXPECT_EQ(words_at(content, "10.1.2.5"), "");
  EXPECT_EQ(words_at(content, "2001:db8:9::"), "DISCARD");
  EXPECT_EQ(words_at(content, "2001:db8:1:2:3:4:5:6"), "");
  EXPECT_EQ(words_at(content, "2001:db8::5"), "REJECT");
  EXPECT_EQ(notes_of(content)[3].text, "5.7.1:550 no pools");
  EXPECT_EQ(notes_of(content)[4].text, "We do not want you");
}

TEST(SendmailAccess, ATaggedKeyComesFirst) {
  const auto content = read_list("sendmail-access",
                                 "192.0.2 OK\nConnect:192.0.2 REJECT\n"
                                 "198.51.100 REJECT\nConnect:198.51.100 OK\n"
                                 "IPv6:::1 OK\nConnect:IPv6:::1 REJECT\n");
  EXPECT_EQ(words_at(content, "192.0.2.1"), "REJECT");
  EXPECT_EQ(words_at(content, "198.51.100.1"), "");
  EXPECT_EQ(words_at(content, "::1"), "REJECT");
}

TEST(SendmailAccess, RemarksWhatIsNotAboutAddresses) {
  const auto content = read_list("sendmail-access",
                                 "GreetPause:192.0.2 5000\nClientRate:192.0.2.1 10\n"
                                 "ClientConn:\t10\nFrom:spammer@example.net REJECT\nTo:a@ OK\n"
                                 "example.net REJECT\nConnect:mail.example.net OK\nuser@ REJECT\n"
                                 "Connect:dead.beef REJECT\n");
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(
      remarks_of(content),
      ElementsAre("a.list:1: \"GreetPause\" is not about connections, so this line is not read",
                  HasSubstr(":2: \"ClientRate\""), HasSubstr(":3: \"ClientConn\""),
                  HasSubstr(":4: \"From\""), HasSubstr(":5: \"To\""),
                  "a.list:6: \"example.net\" is not an address, so this line is not read",
                  HasSubstr(":7: \"mail.example.net\""), HasSubstr(":8: \"user@\""),
                  HasSubstr(":9: \"dead.beef\"")));
}

TEST(SendmailAccess, SaysWhatIsWrongWithALine) {
  const auto content = read_list("sendmail-access",
                                 "192.0.2.1\n192.0.2. REJECT\nConnect:192.0.2.256 REJECT\n"
                                 "012.0.0.1 REJECT\nIPv6:2001:db8:: REJECT\n2001:db8:1 REJECT\n"
                                 "IPv6:2001:xyz REJECT\n192.0.2.1/24 REJECT\nIPv6:1.2.3.4 OK\n"
                                 "IPv6:1:2:3:4:5:6:7:8:9 OK\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre("a.list:1: \"192.0.2.1\" has no value",
                          HasSubstr(":2: \"192.0.2.\" is not one to four octets"),
                          HasSubstr(":3: \"192.0.2.256\" is not one to four octets"),
                          HasSubstr(":4: \"012.0.0.1\" has an octet with a leading zero"),
                          HasSubstr(":5: \"2001:db8::\" ends in ::"),
                          HasSubstr(":6: \"2001:db8:1\" has no IPv6: in front"),
                          HasSubstr(":7: \"2001:xyz\" is not an address or leading groups"),
                          HasSubstr(":8: \"192.0.2.1/24\" has bits set"),
                          HasSubstr(":9: \"1.2.3.4\" is not an address or leading groups"),
                          HasSubstr(":10: \"1:2:3:4:5:6:7:8:9\" is not an address or leading")));
}

}  // namespace
}  // namespace postern::test
