// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of formats, and recognition by all of a text.
#include "rules/lists/list_format.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>
#include <vector>

namespace postern {
namespace {

std::string recognised(std::string_view text) {
  const auto* format = recognise_list_format(text);
  return std::string(format ? format->name() : "none");
}

TEST(ListFormats, HaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const auto* format : list_formats()) {
    EXPECT_TRUE(names.insert(format->name()).second);
    EXPECT_EQ(find_list_format(format->name()), format);
    EXPECT_FALSE(format->title().empty());
  }
  EXPECT_EQ(names.size(), list_formats().size());
  EXPECT_EQ(find_list_format("Cidr"), nullptr);
  EXPECT_EQ(find_list_format(""), nullptr);
}

TEST(ListFormats, AreRecognisedFromTheWholeText) {
  EXPECT_EQ(recognised("# one\n192.0.2.1\n"), "cidr");
  EXPECT_EQ(recognised("2001:db8::/32\n"), "cidr");
  EXPECT_EQ(recognised("\xEF\xBB\xBF"
                       "192.0.2.1/24\r\n"),
            "cidr");  // a bad line, but of this
  EXPECT_EQ(recognised("{\"cidr\":\"192.0.2.0/24\"}\n{\"type\":\"metadata\",\"records\":1}\n"),
            "drop");
  EXPECT_EQ(recognised("{\n\"list\": [\n\"192.0.2.0/24\"\n],\n\"type\": \"cidr\"\n}\n"), "misp");
  EXPECT_EQ(recognised("example.net\nexample.org\n"), "domains");
  EXPECT_EQ(recognised("example.net\n192.0.2.1\n192.0.2.2\n"), "cidr");
  EXPECT_EQ(recognised("example.net\n192.0.2.1\n"), "none");  // half of each
  EXPECT_EQ(recognised("{\n[\n"), "none");
}

TEST(ListFormats, ArePlainBeforeTheyAreRich) {
  const std::pair<const char*, const char*> kCases[] = {
      {"192.0.2.1\n192.0.2.1-192.0.2.9\n", "range"},
      {"192.0.2.0/255.255.255.0\n", "range"},
      {"192.0.2.9 - 192.0.2.1\n", "range"},  // a bad line, but of this
      {"192.0.2.1\t10\n# x\n192.0.2.2 9\n", "weighted"},
      {"; DROP\n192.0.2.0/24 ; SBL1\n", "drop-text"},
      {"Some Org:192.0.2.0-192.0.2.255\n", "p2p"},
      {"001.002.003.004 - 001.002.003.255 , 000 , Some Org\n", "dat"},
      {"ip,category\n192.0.2.1,spam\n", "csv"},
      {"ip\n192.0.2.1\n", "csv"},
      {"start;end\n192.0.2.1;192.0.2.9\n", "csv"},
      {"192.0.2.1 REJECT\n", "postfix-cidr"},
      {"192.0.2 REJECT\nConnect:IPv6:2001:db8 OK\nFrom:a@ OK\n", "sendmail-access"},
      {"10/8\n!10.1.0.0/16 10.1.2.3\n", "pf"},
      {"192.0.2.1 some text\n", "spamd"},
      {":2:some text\n192.0.2.1 text\n", "ip4trie"},
      {":2:some text\n192.0.2.1-9\n", "ip4set"},
      {"add set 2001:db8::/32\n", "ipset"},
      {"elements = { 192.0.2.1 }\n", "nft"},
      {"set policy-options prefix-list A 192.0.2.0/24\n", "juniper"},
  };
  for (const auto& [text, format] : kCases) EXPECT_EQ(recognised(text), format) << text;
}

TEST(ListFormats, AreNotGuessed) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "<html></html>\n", "name,value\n1,2\n",
                           "list set 2001:db8::/32\n", "a:b\n", "192.0.2.1,many\n"})
    EXPECT_EQ(recognised(text), "none") << text;
}

// The first of the formats that can read the most, whatever the order of the lines.
TEST(ListFormats, AreRecognisedInAnyOrderOfLines) {
  constexpr std::string_view kLines[] = {
      "192.0.2.1", "2001:db8::/32", "example.net", "{}",      "{ # x", "# comment",
      "",          "nonsense",      "1.2.3.4 # x", "a.b # {", "{a.b",  "\t"};
  std::mt19937 random(1);
  for (int i = 0; i < 500; i++) {
    std::vector<std::string_view> lines;
    for (auto count = random() % 9; count > 0; count--)
      lines.push_back(kLines[random() % std::size(kLines)]);
    const auto joined = [&] {
      std::string text;
      for (const auto line : lines) text.append(line).append("\n");
      return text;
    };
    const auto before = recognised(joined());
    std::ranges::shuffle(lines, random);
    EXPECT_EQ(recognised(joined()), before) << joined();
  }
}

}  // namespace
}  // namespace postern
