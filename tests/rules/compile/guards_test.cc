// SPDX-License-Identifier: BSD-3-Clause
//
// What no list file can be.
#include "rules/compile/guards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using testing::HasSubstr;
using testing::Optional;

TEST(Guards, RefuseWhatIsNoListText) {
  for (const char* text : {"", "\n\r\n \t", "\xEF\xBB\xBF\n", "# nothing\n#\n"})
    EXPECT_THAT(why_not_a_list(text), Optional(HasSubstr("is empty"))) << text;
  for (const char* text : {"<html>", "\n\n  <!DOCTYPE html>", "\xEF\xBB\xBF<?xml"})
    EXPECT_THAT(why_not_a_list(text), Optional(HasSubstr("HTML"))) << text;
  EXPECT_THAT(why_not_a_list(std::string_view("192.0.2.1\n\0", 11)), Optional(HasSubstr("binary")));
  EXPECT_EQ(why_not_a_list("192.0.2.1"), std::nullopt);
  EXPECT_EQ(why_not_a_list("# <html>\n192.0.2.1"), std::nullopt);
}

TEST(Guards, RefuseWhatHasNothingToUse) {
  EXPECT_THAT(why_not_meant(test::read_list("cidr", "# empty\n")),
              Optional(HasSubstr("no entries")));
  EXPECT_THAT(why_not_meant(test::read_list("cidr", "x\ny\n")),
              Optional(std::string("has no usable line; the first of 2 bad ones: \"x\" is not an "
                                   "address or a prefix")));
  EXPECT_EQ(why_not_meant(test::read_list("domains", "example.net\n")), std::nullopt);
}

TEST(Guards, RefuseEveryone) {
  EXPECT_THAT(why_not_meant(test::read_list("cidr", "192.0.2.1\n0.0.0.0/0\n")),
              Optional(std::string("has 0.0.0.0/0 at line 2, which is everyone")));
  EXPECT_THAT(why_not_meant(test::read_list("cidr", "::/0\n")), Optional(HasSubstr("everyone")));
  EXPECT_EQ(why_not_meant(test::read_list("cidr", "0.0.0.0/1\n::/1\n")), std::nullopt);
  EXPECT_THAT(why_not_meant(test::read_list("cidr", "128.0.0.0/1\n0.0.0.0/1\n")),
              Optional(std::string("covers every IPv4 address there is")));
}

TEST(Guards, LookPastExclusions) {
  auto content = test::read_list("cidr", "192.0.2.1\n");
  content.add(test::prefix("0.0.0.0/0"), 2, content.notes.number_of({.excluded = true}));
  EXPECT_EQ(why_not_meant(content), std::nullopt);
  EXPECT_EQ(why_not_so_much(content, 0.0001), std::nullopt);
}

TEST(Guards, RefuseLargeEntries) {
  const auto content = test::read_list("cidr", "192.0.2.1\n10.0.0.0/8\n2001:db8::/32\n");
  ListDeclaration declaration;
  EXPECT_EQ(why_not_so_large(content, declaration), std::nullopt);
  declaration.max_range_v4 = 8;
  declaration.max_range_v6 = 32;
  EXPECT_EQ(why_not_so_large(content, declaration), std::nullopt);
  declaration.max_range_v4 = 9;
  EXPECT_EQ(why_not_so_large(content, declaration),
            "has 10.0.0.0/8 at line 2, which is larger than its max-range of /9");
  declaration.max_range_v4 = 8;
  declaration.max_range_v6 = 128;
  EXPECT_EQ(why_not_so_large(content, declaration),
            "has 2001:db8::/32 at line 3, which is larger than its max-range of /128");
}

TEST(Guards, RefuseALargeShareOfTheSpace) {
  const auto content = test::read_list("cidr", "10.0.0.0/8\n10.1.0.0/16\n11.0.0.0/8\n2000::/4\n");
  EXPECT_EQ(why_not_so_much(content, 0.5), std::nullopt);
  EXPECT_EQ(why_not_so_much(content, 0.005),
            "covers 0.781% of IPv4, which is more than its max-share of 0.5%");
  EXPECT_EQ(why_not_so_much(content, 0.1),
            "covers 50% of IPv6, which is more than its max-share of 10%");
}

TEST(Guards, RefuseGreatChange) {
  EXPECT_EQ(why_not_this_size(50, 100, 0.5), std::nullopt);
  EXPECT_EQ(why_not_this_size(150, 100, 0.5), std::nullopt);
  EXPECT_EQ(why_not_this_size(49, 100, 0.5),
            "shrank from 100 to 49 entries, which is more than its max-change of 50%");
  EXPECT_EQ(why_not_this_size(151, 100, 0.5),
            "grew from 100 to 151 entries, which is more than its max-change of 50%");
  EXPECT_EQ(why_not_this_size(1000, 0, 0.5), std::nullopt);
  EXPECT_EQ(why_not_this_size(1, 100, 2), std::nullopt);
}

}  // namespace
}  // namespace postern
