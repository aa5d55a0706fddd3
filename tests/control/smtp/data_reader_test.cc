// SPDX-License-Identifier: BSD-3-Clause
//
// The text behind DATA, at every cut and against a slow reader that sees the whole of it at once;
// everything that others take for the end of a message and is not; and the way back out.
#include "control/smtp/data_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace postern::smtp {
namespace {

struct Read {
  std::string text;
  size_t taken = 0;
  bool done = false;
  bool bare = false;
  bool operator==(const Read&) const = default;
};

Read read_in_pieces(std::string_view bytes, const std::vector<size_t>& cuts) {
  DataReader reader(Framing::kDots, BareLineEnds::kRefuse, 1000);
  Read read;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size(); i++) {
    const size_t end = i < cuts.size() ? cuts[i] : bytes.size();
    const auto part = bytes.substr(begin, end - begin);
    begin = end;
    if (reader.done()) break;
    read.taken += reader.consume(part, read.text);
  }
  read.done = reader.done();
  read.bare = reader.bare_line_end();
  return read;
}

// The definition, slowly: lines are what CRLF ends; a line that is "." alone is the end; one dot is
// taken off each other line; a CR or LF within a line is bare.
Read naive(std::string_view bytes) {
  Read read;
  size_t begin = 0;
  for (;;) {
    const size_t end = bytes.find("\r\n", begin);
    const bool complete = end != std::string_view::npos;
    std::string_view line = bytes.substr(begin, complete ? end - begin : std::string_view::npos);
    if (complete && line == ".") {
      read.done = true;
      read.taken = end + 2;
      return read;
    }
    std::string_view text = line;
    if (text.starts_with('.')) text.remove_prefix(1);
    if (line.find_first_of("\r\n") != std::string_view::npos) read.bare = true;
    read.text += text;
    if (!complete) {
      read.taken = bytes.size();
      return read;
    }
    read.text += "\r\n";
    begin = end + 2;
  }
}

TEST(DataReader, TakesDotsOffAtEveryCut) {
  const std::string bytes = "Subject: x\r\n\r\n..one\r\n.two\r\n...\r\n\r\nend.\r\n.\r\nQUIT\r\n";
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    const auto read = read_in_pieces(bytes, {cut});
    EXPECT_EQ(read.text, "Subject: x\r\n\r\n.one\r\ntwo\r\n..\r\n\r\nend.\r\n") << cut;
    EXPECT_EQ(bytes.substr(read.taken), "QUIT\r\n") << cut;
    EXPECT_TRUE(read.done);
    EXPECT_FALSE(read.bare);
  }
}

TEST(DataReader, AnEmptyMessage) {
  const auto read = read_in_pieces(".\r\n", {1, 2});
  EXPECT_TRUE(read.done);
  EXPECT_EQ(read.text, "");
}

TEST(DataReader, OnlyCrlfDotCrlfEndsAMessage) {
  for (const std::string_view trick :
       {"\n.\n", "\n.\r\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r.\r", "\r\n.\r\r\n", "\r\n..\r\n",
        "\r\n.x\r\n", "\r\r\n.\r\r\n", "\n\r.\r\n"}) {
    const std::string bytes = "text" + std::string(trick) + "MAIL FROM:<evil@x.example>\r\n";
    for (size_t cut = 0; cut <= bytes.size(); cut++)
      EXPECT_FALSE(read_in_pieces(bytes, {cut}).done) << trick << cut;
    // And the real end is still found behind it.
    const auto whole = read_in_pieces(bytes + "\r\n.\r\nQUIT", {});
    EXPECT_TRUE(whole.done);
    EXPECT_EQ(whole.taken, bytes.size() + 5);
  }
}

TEST(DataReader, NotesBareLineEnds) {
  EXPECT_TRUE(read_in_pieces("a\nb\r\n.\r\n", {}).bare);
  EXPECT_TRUE(read_in_pieces("a\rb\r\n.\r\n", {}).bare);
  EXPECT_TRUE(read_in_pieces("\n\r\n.\r\n", {}).bare);
  EXPECT_TRUE(read_in_pieces("a\r\r\n.\r\n", {}).bare);
  EXPECT_FALSE(read_in_pieces("a\r\n\r\n.\r\n", {}).bare);
}

TEST(DataReader, AgreesWithTheNaiveReader) {
  std::mt19937 random(5321);
  const std::string alphabet = "\r\n..ab";
  for (int round = 0; round < 20000; round++) {
    std::string bytes;
    const size_t length = random() % 40;
    for (size_t i = 0; i < length; i++) bytes += alphabet[random() % alphabet.size()];
    if (round % 2 == 0) bytes += "\r\n.\r\nx";
    const auto expected = naive(bytes);
    const size_t first = random() % (bytes.size() + 1);
    const size_t second = first + random() % (bytes.size() - first + 1);
    const auto seen = read_in_pieces(bytes, {first, second});
    ASSERT_EQ(seen.done, expected.done) << testing::PrintToString(bytes);
    if (seen.done) {
      ASSERT_EQ(seen, expected) << testing::PrintToString(bytes);
    }
  }
}

TEST(DataReader, NotesLinesThatAreTooLong) {
  for (const size_t length : {998u, 999u}) {
    DataReader reader(Framing::kDots, BareLineEnds::kRefuse, 1000);
    std::string text;
    reader.consume(std::string(length, 'x') + "\r\n.\r\n", text);
    EXPECT_TRUE(reader.done());
    EXPECT_EQ(reader.line_too_long(), length == 999) << length;
  }
}

TEST(DotStuffer, WhatGoesOutComesBackTheSame) {
  std::mt19937 random(822);
  const std::string alphabet = ".ab";
  for (int round = 0; round < 5000; round++) {
    std::string text;
    for (size_t line = random() % 6; line > 0; line--) {
      for (size_t i = random() % 4; i > 0; i--) text += alphabet[random() % alphabet.size()];
      text += "\r\n";
    }
    DotStuffer stuffer;
    std::string wire;
    const size_t cut = random() % (text.size() + 1);
    stuffer.update(std::string_view(text).substr(0, cut), wire);
    stuffer.update(std::string_view(text).substr(cut), wire);
    stuffer.finish(wire);
    const auto read = read_in_pieces(wire + "NEXT", {random() % wire.size()});
    ASSERT_TRUE(read.done);
    ASSERT_EQ(read.text, text) << testing::PrintToString(wire);
    ASSERT_EQ(read.taken, wire.size());
    ASSERT_FALSE(read.bare);
  }
}

// The definition: a dot more where one begins a line, and lines begin behind CRLF.
std::string naively_stuffed(const std::string& text) {
  std::string wire;
  for (size_t i = 0; i < text.size(); i++) {
    const bool begins = i == 0 || (i >= 2 && text.compare(i - 2, 2, "\r\n") == 0);
    if (begins && text[i] == '.') wire += '.';
    wire += text[i];
  }
  const bool ended = text.empty() || text.ends_with("\r\n");
  return wire + (ended ? ".\r\n" : "\r\n.\r\n");
}

TEST(DotStuffer, AgreesWithTheNaiveOneAtEveryCut) {
  std::mt19937 random(1870);
  const std::string alphabet = "\r\n\r\n.a";
  for (int round = 0; round < 3000; round++) {
    std::string text;
    for (size_t i = random() % 12; i > 0; i--) text += alphabet[random() % alphabet.size()];
    const std::string expected = naively_stuffed(text);
    for (size_t cut = 0; cut <= text.size(); cut++) {
      DotStuffer stuffer;
      std::string wire;
      stuffer.update(std::string_view(text).substr(0, cut), wire);
      stuffer.update(std::string_view(text).substr(cut), wire);
      stuffer.finish(wire);
      ASSERT_EQ(wire, expected) << testing::PrintToString(text) << " cut at " << cut;
    }
  }
}

TEST(DotStuffer, EndsALastLineThatHasNoEnd) {
  DotStuffer stuffer;
  std::string wire;
  stuffer.update("a\r\nb", wire);
  stuffer.finish(wire);
  EXPECT_EQ(wire, "a\r\nb\r\n.\r\n");
}

}  // namespace
}  // namespace postern::smtp
