// SPDX-License-Identifier: BSD-3-Clause
//
// Tag lists and the syntaxes inside their values.
#include "control/auth/tag_list.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

std::string shown(std::string_view text) {
  const TagList list = parse_tag_list(text);
  std::string result;
  for (const Tag& tag : list.tags) {
    result += std::string(tag.name) + "=<" + std::string(tag.value) + ">";
  }
  return list.error.empty() ? result : result + "!" + list.error;
}

TEST(TagList, ReadsTheGrammar) {
  EXPECT_EQ(shown("v=1; a=rsa-sha256"), "v=<1>a=<rsa-sha256>");
  EXPECT_EQ(shown("v=1;a=x;"), "v=<1>a=<x>");
  EXPECT_EQ(shown(" v = 1 ;\r\n\ta =\r\n x y\t; "), "v=<1>a=<x y>");
  EXPECT_EQ(shown("p="), "p=<>");
  EXPECT_EQ(shown("p=;x=a=b:c"), "p=<>x=<a=b:c>");
  EXPECT_EQ(shown(""), "");
  EXPECT_EQ(shown("V=1;v=2"), "V=<1>v=<2>");
  EXPECT_EQ(shown("n=gr\xc3\xbc\xc3\x9f"
                  "e"),
            "n=<gr\xc3\xbc\xc3\x9f"
            "e>");
  EXPECT_EQ(shown("a_1=x"), "a_1=<x>");
}

TEST(TagList, RefusesWhatTheGrammarDoesNotHave) {
  EXPECT_EQ(shown("v=1;v=1"), "v=<1>!tag v stands twice");
  EXPECT_EQ(shown("v=1;;a=x"), "v=<1>!a tag has no name");
  EXPECT_EQ(shown(";"), "!a tag has no name");
  EXPECT_EQ(shown("=1"), "!a tag has no name");
  EXPECT_EQ(shown("1a=1"), "!a tag has no name");
  EXPECT_EQ(shown("_a=1"), "!a tag has no name");
  EXPECT_EQ(shown("v"), "!tag v has no value");
  EXPECT_EQ(shown("v 1"), "!tag v has no value");
  EXPECT_EQ(shown("v-x=1"), "!tag v has no value");
  EXPECT_EQ(shown(std::string_view("v=1\0", 4)), "!tag v has a forbidden character");
  EXPECT_EQ(shown("v=1\x7f"), "!tag v has a forbidden character");
  EXPECT_EQ(shown("v=\xff"), "!tag v has a forbidden character");
}

TEST(TagList, IsBounded) {
  std::string text;
  for (size_t i = 0; i <= kMaxTags; i++) text += "t" + std::to_string(i) + "=;";
  const TagList list = parse_tag_list(text);
  EXPECT_EQ(list.tags.size(), kMaxTags);
  EXPECT_EQ(list.error, "more than 64 tags");
}

TEST(TagList, KnowsWhereValuesStand) {
  const std::string text = "v=1; b= ab\r\n cd ; x=";
  const TagList list = parse_tag_list(text);
  const Tag* b = list.find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(text.substr(b->value_begin, b->value_end - b->value_begin), " ab\r\n cd ");
  EXPECT_EQ(list.find("B"), nullptr);
}

TEST(Base64, DecodesTheVectorsOfRfc4648) {
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_EQ(decode_base64("Zg=="), "f");
  EXPECT_EQ(decode_base64("Zm8="), "fo");
  EXPECT_EQ(decode_base64("Zm9v"), "foo");
  EXPECT_EQ(decode_base64("Zm9vYg=="), "foob");
  EXPECT_EQ(decode_base64("Zm9vYmE="), "fooba");
  EXPECT_EQ(decode_base64("Zm9vYmFy"), "foobar");
  EXPECT_EQ(decode_base64("+/+/"), "\xfb\xff\xbf");
  EXPECT_EQ(decode_base64(" Z\r\n\tg = = "), "f");
}

TEST(Base64, RefusesWhatIsNone) {
  for (const std::string_view text : {"Z", "Zg", "Zg=", "Zg===", "Zm8", "Zm9v=", "=",
                                      "====", "Zg==Zg==", "Zm9-", "Zm9_", "Zm9,", "Zm\xc3\xbc"}) {
    EXPECT_EQ(decode_base64(text), std::nullopt) << text;
  }
}

TEST(SplitColons, KeepsEmptyParts) {
  using List = std::vector<std::string_view>;
  EXPECT_EQ(split_colons("a:b"), (List{"a", "b"}));
  EXPECT_EQ(split_colons(" a \r\n\t: b "), (List{"a", "b"}));
  EXPECT_EQ(split_colons(""), List{""});
  EXPECT_EQ(split_colons("a:"), (List{"a", ""}));
}

}  // namespace
}  // namespace postern::auth
