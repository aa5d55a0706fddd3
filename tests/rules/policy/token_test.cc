// SPDX-License-Identifier: BSD-3-Clause
//
// Lines fall into tokens, and each token knows its place.
#include "rules/policy/token.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

// "w1:list s6:x.txt" - kind, column and text of each token; the end as its column only.
std::string told(std::string_view line) {
  std::string all;
  for (const auto& token : tokenize(line)) {
    constexpr char kKinds[] = {'w', 's', 'p', 'o', 'f', 'e'};
    all += kKinds[static_cast<size_t>(token.kind)] + std::to_string(token.column);
    if (token.kind != Token::Kind::kEnd) all += ':' + std::string(token.text) + ' ';
  }
  return all;
}

TEST(Tokens, AreWordsStringsAndOperators) {
  EXPECT_EQ(told("list a \"x y.txt\" expires 7d"),
            "w1:list w6:a s8:x y.txt w18:expires w26:7d e28");
  EXPECT_EQ(told("2001:db8::/32 50% a-b_c"), "w1:2001:db8::/32 w15:50% w19:a-b_c e24");
  EXPECT_EQ(told("a=b!=c<d<=e>f>=g,h"),
            "w1:a o2:= w3:b o4:!= w6:c o7:< w8:d o9:<= w11:e o12:> w13:f o14:>= w16:g o17:, w18:h "
            "e19");
}

TEST(Tokens, APatternStandsBehindTheNameOfASignature) {
  const auto tokens = tokenize(R"(signature a /x "y" # \/ [/]/ drop # z)");
  ASSERT_EQ(tokens.size(), 6u);
  EXPECT_EQ(tokens[2].kind, Token::Kind::kPattern);
  EXPECT_EQ(tokens[2].text, R"(x "y" # \/ [)");
  EXPECT_EQ(tokens[2].column, 13u);
  EXPECT_EQ(tokens[2].bytes, tokens[2].text.size() + 2);
  EXPECT_EQ(tokens[3].kind, Token::Kind::kWord);  // what is left of a class that was not escaped
  EXPECT_EQ(tokens[3].text, "]/");
  EXPECT_EQ(tokenize("signature a /b").at(2).kind, Token::Kind::kFault);
  EXPECT_EQ(tokenize(R"(signature a /b\/)").at(2).kind, Token::Kind::kFault);
  EXPECT_EQ(tokenize(R"(signature a /b\\/ drop)").at(2).text, R"(b\\)");
  EXPECT_EQ(tokenize("max-range x /8").at(2).kind, Token::Kind::kWord);
  EXPECT_EQ(tokenize("signature /8").at(1).kind, Token::Kind::kWord);
}

TEST(Tokens, EndAtAComment) {
  EXPECT_EQ(told("a # b"), "w1:a e2");
  EXPECT_EQ(told("a# b"), "w1:a e2");
  EXPECT_EQ(told("\"a # b\""), "s1:a # b e8");
  EXPECT_EQ(told("# b"), "e1");
  EXPECT_EQ(told(""), "e1");
  EXPECT_EQ(told(" \t\r"), "e1");
}

TEST(Tokens, EndAtTheFirstFault) {
  EXPECT_EQ(told("a \"b c"), "w1:a f3:this string has no closing quote e7");
  EXPECT_EQ(told("a \"b\x01\" c"), "w1:a f3:this string has no closing quote e5");
  EXPECT_EQ(told("! a"), "f1:a \"!\" alone means nothing; did you mean \"!=\"? e2");
  EXPECT_EQ(told(std::string_view("a \0 b", 5)), "w1:a f3:there is a control character here e3");
}

TEST(Tokens, KnowHowManyBytesTheyTake) {
  const auto tokens = tokenize("ab \"cd\" <=");
  ASSERT_EQ(tokens.size(), 4u);
  EXPECT_EQ(tokens[0].bytes, 2u);
  EXPECT_EQ(tokens[1].bytes, 4u);
  EXPECT_EQ(tokens[2].bytes, 2u);
}

}  // namespace
}  // namespace postern
