// SPDX-License-Identifier: BSD-3-Clause
//
// Replies written, and replies of a farm read at every cut: single and multi-line, and what no
// server may say.
#include "control/smtp/reply.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace postern::smtp {
namespace {

std::vector<Reply> read_all(std::string_view bytes, size_t cut, bool& broken) {
  ReplyReader reader;
  std::vector<Reply> replies;
  for (const auto part : {bytes.substr(0, cut), bytes.substr(cut)}) {
    reader.receive(part);
    while (auto reply = reader.next()) replies.push_back(std::move(*reply));
  }
  broken = reader.broken();
  return replies;
}

TEST(Reply, WritesEveryLineWithItsCode) {
  const auto reply = make_reply(550, "5.7.1", "refused by a rule\nsee https://x.example/");
  EXPECT_EQ(reply.wire(), "550-5.7.1 refused by a rule\r\n550 5.7.1 see https://x.example/\r\n");
  EXPECT_EQ(reply.one_line(), "550 5.7.1 refused by a rule / 5.7.1 see https://x.example/");
  EXPECT_TRUE(reply.permanent());
  EXPECT_FALSE(reply.positive());
}

TEST(Reply, CannotBeMadeToHoldALineEnd) {
  EXPECT_EQ(make_reply(250, "", std::string("a\rb\0c\x80", 6)).wire(), "250 a?b?c?\r\n");
}

TEST(ReplyReader, ReadsRepliesAtEveryCut) {
  const std::string bytes =
      "220 mx ESMTP\r\n250-mx\r\n250-SIZE 1000\r\n250 HELP\r\n354\r\n550 5.1.1 no such user\n";
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    bool broken = true;
    const auto replies = read_all(bytes, cut, broken);
    ASSERT_FALSE(broken) << cut;
    ASSERT_EQ(replies.size(), 4u) << cut;
    EXPECT_EQ(replies[0].one_line(), "220 mx ESMTP");
    EXPECT_EQ(replies[1].lines, (std::vector<std::string>{"mx", "SIZE 1000", "HELP"}));
    EXPECT_EQ(replies[2].code, 354);
    EXPECT_EQ(replies[2].lines, std::vector<std::string>{""});
    EXPECT_EQ(replies[3].one_line(), "550 5.1.1 no such user");
  }
}

TEST(ReplyReader, WhatIsNoReplyBreaksIt) {
  for (const std::string_view bytes : {"hello\r\n", "25 x\r\n", "650 x\r\n", "2500 x\r\n",
                                       "150 x\r\n", "250-a\r\n251 b\r\n", "\r\n", "250_x\r\n"}) {
    bool broken = false;
    EXPECT_TRUE(read_all(bytes, bytes.size(), broken).empty()) << bytes;
    EXPECT_TRUE(broken) << bytes;
  }
}

TEST(ReplyReader, IsBounded) {
  bool broken = false;
  read_all("250 " + std::string(ReplyReader::kMaxLine + 1, 'x'), 10, broken);
  EXPECT_TRUE(broken);
  std::string many;
  for (size_t i = 0; i <= ReplyReader::kMaxLines; i++) many += "250-x\r\n";
  read_all(many, 10, broken);
  EXPECT_TRUE(broken);
}

TEST(ReplyReader, HandsOnPrintableTextOnly) {
  bool broken = true;
  const auto replies = read_all("550 a\x01\x80z\r\n", 3, broken);
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_EQ(replies[0].lines[0], "a??z");
}

}  // namespace
}  // namespace postern::smtp
