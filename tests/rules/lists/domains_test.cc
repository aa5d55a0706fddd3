// SPDX-License-Identifier: BSD-3-Clause
//
// Format domains: names made canonical, and bad lines.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Domains, ReadsNamesAndTheirLines) {
  const auto content = read_list("domains",
                                 "\xEF\xBB\xBF# partners\r\n"
                                 "Example.NET\r\n"
                                 "\r\n"
                                 "  mail.example.org.  # with its final dot\n"
                                 "xn--bcher-kva.example");
  EXPECT_THAT(entries_of(content),
              ElementsAre("example.net@2", "mail.example.org@4", "xn--bcher-kva.example@5"));
  EXPECT_EQ(content.size(), content.domains.size());
  EXPECT_EQ(content.skipped_count, 0u);
}

TEST(Domains, SkipsHostileLinesOneByOne) {
  const std::string kHostile[] = {"com",
                                  ".",
                                  "..",
                                  "*.example.net",
                                  ".example.net",
                                  "example..net",
                                  "192.0.2.1",
                                  "2001:db8::1",
                                  "user@example.net",
                                  "http://example.net/",
                                  "example.net example.org",
                                  "b\xc3\xbc"
                                  "cher.example",
                                  "-a.example",
                                  std::string(64, 'a') + ".example",
                                  std::string(100000, 'a'),
                                  std::string("example.net\0", 12),
                                  "<html>",
                                  "{}"};
  std::string text;
  for (const auto& line : kHostile) text += line + '\n';
  const auto content = read_list("domains", text + "example.net\n");
  EXPECT_EQ(content.skipped_count, std::size(kHostile));
  EXPECT_EQ(content.domains.size(), 1u);
}

TEST(Domains, SaysWhatIsWrongWithALine) {
  EXPECT_THAT(skipped_of(read_list("domains", "example.net\ncom\n")),
              ElementsAre("a.list:2: \"com\" is a single label; a domain has at least two"));
}

}  // namespace
}  // namespace postern::test
