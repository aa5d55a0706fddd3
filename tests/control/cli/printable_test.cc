// SPDX-License-Identifier: BSD-3-Clause
//
// Text from outside, made safe for a terminal and for JSON.
#include "control/cli/printable.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>

namespace postern::cli {
namespace {

TEST(Printable, LeavesTextAlone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("dynamic.netset:12"), "dynamic.netset:12");
  EXPECT_EQ(printable("Gr\xc3\xbc\xc3\x9f"
                      "e \xe2\x9c\x89 \xf0\x9f\x93\xa7"),
            "Gr\xc3\xbc\xc3\x9f"
            "e \xe2\x9c\x89 \xf0\x9f\x93\xa7");
}

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(printable(std::string_view("a\0b\n", 4)), "a\\x00b\\x0a");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\xc2\\x9b");           // CSI as one character
  EXPECT_EQ(printable("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
}

TEST(Printable, ShowsBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\x80z"), "\\x80z");
}

TEST(JsonText, IsAlwaysWhatAParserTakes) {
  for (int first = 0; first < 256; first++) {
    for (int second = 0; second < 256; second += 5) {
      const std::string bytes = {static_cast<char>(first), static_cast<char>(second), 'x'};
      const auto text = json_text(bytes);
      const auto document = boost::json::serialize(boost::json::string(text));
      boost::json::error_code error;
      EXPECT_EQ(boost::json::parse(document, error), boost::json::string(text));
      EXPECT_FALSE(error) << first << ' ' << second;
    }
  }
}

TEST(JsonText, ReplacesOnlyWhatIsNoUtf8) {
  EXPECT_EQ(json_text("a\xffz"), "a\xef\xbf\xbdz");
  EXPECT_EQ(json_text("\xc3\xbc\n"), "\xc3\xbc\n");
}

}  // namespace
}  // namespace postern::cli
