// SPDX-License-Identifier: BSD-3-Clause
//
// What refused clients read, as it comes out of a compiled policy.
#include "rules/compile/refusal_texts.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

std::string shown(const ps_text& text) {
  std::string line;
  size_t at = 0;
  for (size_t part = 0; part < text.parts; part++) {
    line.append(reinterpret_cast<const char*>(text.bytes) + at, text.ends[part] - at);
    at = text.ends[part];
    if (part + 1u < text.parts) line += text.gaps[part] == PS_TEXT_SOURCE ? "%a" : "%d";
  }
  return line;
}

TEST(RefusalTexts, TextsAreWhatWasWritten) {
  for (const auto* line : {"220 mx.example", "%a", "x%a", "%ax", "a%ab%dc%ad", "100 % sure", ""})
    EXPECT_EQ(shown(text_of(line)), std::string(line) + "\r\n");
}

TEST(RefusalTexts, TheLongestAndOneMore) {
  const auto fails = [](const std::string& line) -> std::string {
    try {
      text_of(line);
      return "";
    } catch (const std::length_error& error) {
      return error.what();
    }
  };
  EXPECT_EQ(fails(std::string(198, 'x')), "");
  EXPECT_EQ(fails(std::string(199, 'x')), "is up to 201 bytes long, 1 more than 200");
  EXPECT_EQ(fails(std::string(198 - 39, 'x') + "%a"), "");
  EXPECT_EQ(fails(std::string(199 - 39, 'x') + "%a"), "is up to 201 bytes long, 1 more than 200");
  EXPECT_EQ(fails(std::string(198 - 47, 'x') + "%d"), "");
  EXPECT_EQ(fails("%a%a%a"), "");
  EXPECT_EQ(fails("%a%a%a%a"), "has the address in more than 3 places");
  EXPECT_EQ(fails(std::string(100'000, 'x')).substr(0, 27), "is up to 100002 bytes long,");
}

Policy policy_of(const std::string& text) {
  return parse_policy(text, "site.policy");
}

TEST(RefusalTexts, OneForEachListAndCategoryAndName) {
  const auto policy = policy_of(
      "list pool \"pool.txt\" category dynamic contact \"https://post.example/?a=%a\"\n"
      "list zen \"zen.txt\" format weighted\n"
      "    map value >= 5 category spam\n"
      "service mx 192.0.2.1 name \"mx.example\"\n"
      "service submission 192.0.2.1 port 587 name \"mx.example\"\n"
      "service other 192.0.2.2\n"
      "connection to mx\n  refuse any\n");
  const std::vector<SubList> sublists = {
      {.list = 0, .category = "dynamic"},
      {.list = 0, .category = "dynamic", .expires_at = 1'800'000'000},
      {.list = 1},
      {.list = 1, .map = 0, .category = "spam"}};
  const RefusalTexts texts(policy, sublists);
  const auto all = texts.compose(true);
  EXPECT_EQ(shown(all.at(texts.of_sublist(0))),
            "554 5.7.1 %a refused: dynamic (list pool); see https://post.example/?a=%a\r\n");
  EXPECT_EQ(texts.of_sublist(0), texts.of_sublist(1));
  EXPECT_EQ(shown(all.at(texts.of_sublist(2))), "554 5.7.1 %a refused: list zen\r\n");
  EXPECT_EQ(shown(all.at(texts.of_sublist(3))), "554 5.7.1 %a refused: spam (list zen)\r\n");
  EXPECT_EQ(shown(all.at(texts.greeting_of(policy.services[0]))), "220 mx.example ESMTP\r\n");
  EXPECT_EQ(shown(all.at(texts.greeting_of(policy.services[0]) + 1)), "250 mx.example Hello\r\n");
  EXPECT_EQ(texts.greeting_of(policy.services[0]), texts.greeting_of(policy.services[1]));
  EXPECT_EQ(shown(all.at(texts.greeting_of(policy.services[2]))), "220 %d ESMTP\r\n");
  EXPECT_EQ(shown(all.at(texts.greeting_of(policy.services[2]) + 1)), "250 %d Hello\r\n");
  EXPECT_EQ(shown(all.at(PS_TEXT_BY_POLICY)),
            "554 5.7.1 %a refused: by the policy of this site\r\n");
  EXPECT_EQ(shown(all.at(PS_TEXT_LEARNED)),
            "554 5.7.1 %a refused: for what came from there before\r\n");
  EXPECT_EQ(shown(all.at(PS_TEXT_LIMITED)),
            "421 4.7.1 %a has made too many connections; try again later\r\n");
  EXPECT_EQ(texts.compose(false).size(), all.size() - 3);
}

TEST(RefusalTexts, AContactThatIsTooLongIsSaidAtItsList) {
  const auto policy =
      policy_of("\nlist pool \"pool.txt\" contact \"https://post.example/" + std::string(150, 'x') +
                "\"\n" + "service mx 192.0.2.1\nconnection to mx\n  refuse list pool\n");
  const std::vector<SubList> sublists = {{.list = 0}};
  const RefusalTexts texts(policy, sublists);
  EXPECT_NO_THROW(texts.compose(false));
  try {
    texts.compose(true);
    FAIL();
  } catch (const BadInput& refused) {
    EXPECT_EQ(std::string(refused.what()),
              "site.policy:2: the line that a refused client would read of list \"pool\" is up to "
              "247 bytes long, 47 more than 200; give it a shorter contact");
  }
}

}  // namespace
}  // namespace postern
