// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of formats, and recognition: by all of a file, and never two formats for one.
#include "rules/lists/list_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace postern {
namespace {

std::string recognised(std::string_view text) {
  std::string names;
  for (const auto* format : list_formats())
    if (format->recognises(text)) names += std::string(format->name()) + ' ';
  return names;
}

TEST(ListFormats, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const auto* format : list_formats()) {
    EXPECT_TRUE(names.insert(format->name()).second);
    EXPECT_EQ(find_list_format(format->name()), format);
    EXPECT_FALSE(format->title().empty());
  }
  EXPECT_EQ(names.size(), 3u);
  EXPECT_EQ(find_list_format("Cidr"), nullptr);
  EXPECT_EQ(find_list_format(""), nullptr);
}

TEST(ListFormats, AreRecognisedFromTheWholeText) {
  EXPECT_EQ(recognised("# one\n192.0.2.1\n"), "cidr ");
  EXPECT_EQ(recognised("2001:db8::/32\n"), "cidr ");
  EXPECT_EQ(recognised("\xEF\xBB\xBF"
                       "192.0.2.1/24\r\n"),
            "cidr ");  // a bad line, but of this
  EXPECT_EQ(recognised("{\"cidr\":\"192.0.2.0/24\"}\n{\"type\":\"metadata\",\"records\":1}\n"),
            "drop ");
  EXPECT_EQ(recognised("example.net\nexample.org\n"), "domains ");
  EXPECT_EQ(recognised("example.net\n192.0.2.1\n192.0.2.2\n"), "cidr ");
  EXPECT_EQ(recognised("example.net\n192.0.2.1\n"), "");  // half of each
  EXPECT_EQ(recognised("{\n[\n"), "");
}

TEST(ListFormats, AreNotGuessed) {
  for (const char* text :
       {"", "\n\n", "# only a comment\n", "<html></html>\n", "name,value\n1,2\n",
        "add set 2001:db8::/32\n", "Some Org:192.0.2.0-192.0.2.255\n", "77.90.185.20\t10\n"})
    EXPECT_EQ(recognised(text), "") << text;
}

TEST(ListFormats, NeverBothClaimAText) {
  constexpr std::string_view kLines[] = {
      "192.0.2.1", "2001:db8::/32", "example.net", "{}",      "{ # x", "# comment",
      "",          "nonsense",      "1.2.3.4 # x", "a.b # {", "{a.b",  "\t"};
  std::mt19937 random(1);
  for (int i = 0; i < 2000; i++) {
    std::string text;
    for (auto count = random() % 9; count > 0; count--)
      text.append(kLines[random() % std::size(kLines)]).append("\n");
    const auto names = recognised(text);
    EXPECT_LE(std::ranges::count(names, ' '), 1) << text;
  }
}

}  // namespace
}  // namespace postern
