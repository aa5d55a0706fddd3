// SPDX-License-Identifier: BSD-3-Clause
//
// What is UTF-8 and what only looks like it.
#include "rules/text/utf8.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Utf8, IsStrict) {
  EXPECT_TRUE(is_utf8("abc \xc3\xbc \xe2\x82\xac \xf0\x9f\x98\x80 \xed\x9f\xbf"));
  for (const std::string_view text :
       {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
        "\xe2\x82", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(is_utf8(text)) << text;
  }
}

}  // namespace
}  // namespace postern
