// SPDX-License-Identifier: BSD-3-Clause
//
// Headers split into fields, and their end found in a stream that is cut anywhere.
#include "control/auth/header_fields.h"

#include <gtest/gtest.h>

namespace postern::auth {
namespace {

std::vector<std::string> raw_fields(std::string_view header) {
  std::vector<std::string> raw;
  for (const auto& field : split_header_fields(header)) raw.emplace_back(field.raw);
  return raw;
}

TEST(SplitHeaderFields, UnfoldsNothingAndCutsAtLineEnds) {
  using List = std::vector<std::string>;
  EXPECT_EQ(raw_fields("A: 1\r\nB: 2\r\n"), (List{"A: 1", "B: 2"}));
  EXPECT_EQ(raw_fields("A: 1\r\n 2\r\n\t3\r\nB: 4"), (List{"A: 1\r\n 2\r\n\t3", "B: 4"}));
  EXPECT_EQ(raw_fields("A: 1\nB: 2\r\n"), (List{"A: 1\nB: 2"}));
  EXPECT_EQ(raw_fields("A: 1\r\r\nB: 2\r\n"), (List{"A: 1\r", "B: 2"}));
  EXPECT_EQ(raw_fields(""), List{});
}

TEST(SplitHeaderFields, NamesFields) {
  const auto name_of = [](std::string_view field) {
    return std::string(split_header_fields(field).at(0).name);
  };
  EXPECT_EQ(name_of("Subject: x"), "Subject");
  EXPECT_EQ(name_of("Subject \t: x"), "Subject");
  EXPECT_EQ(name_of("X-!#$%: x"), "X-!#$%");
  EXPECT_EQ(name_of("Sub ject: x"), "");
  EXPECT_EQ(name_of("no colon"), "");
  EXPECT_EQ(name_of(": x"), "");
  EXPECT_EQ(name_of(" leading: x"), "");
  EXPECT_EQ(name_of("\xc3\xbc: x"), "");
  EXPECT_EQ(split_header_fields("A:b\r\n c").at(0).body, "b\r\n c");
  EXPECT_TRUE(has_name(split_header_fields("fROM:x").at(0), "From"));
  EXPECT_FALSE(has_name(split_header_fields("no colon").at(0), "no colon"));
}

struct Split {
  std::string header;
  std::string body;
  bool at_body;
};

Split split(const std::string& message, size_t chunk) {
  HeaderReader reader;
  Split result{{}, {}, false};
  for (size_t start = 0; start < message.size(); start += chunk) {
    const auto piece = std::string_view(message).substr(start, chunk);
    const size_t taken = reader.at_body() ? 0 : reader.update(piece);
    result.body += piece.substr(taken);
  }
  result.at_body = reader.at_body();
  reader.finish();
  for (const auto& field : reader.fields()) result.header += std::string(field.raw) + "|";
  return result;
}

TEST(HeaderReader, FindsTheEndWhateverThePieces) {
  const struct {
    const char* message;
    const char* header;
    const char* body;
    bool at_body;
  } kCases[] = {
      {"A: 1\r\nB: 2\r\n\r\nbody\r\n\r\nmore", "A: 1|B: 2|", "body\r\n\r\nmore", true},
      {"A: 1\r\n\r\n", "A: 1|", "", true},
      {"\r\nbody", "", "body", true},
      {"A: 1\r\n", "A: 1|", "", false},
      {"A: 1", "A: 1|", "", false},
      {"", "", "", false},
      {"A: 1\n\nnot a body\r\n\r\nbody", "A: 1\n\nnot a body|", "body", true},
      {"A: 1\r\n\r\r\n\r\nbody", "A: 1|\r|", "body", true},
      {"A: 1\r\r\n\r\nbody", "A: 1\r|", "body", true},
      {"A: 1\r\n \r\n\r\nbody", "A: 1\r\n |", "body", true},
  };
  for (const auto& c : kCases) {
    const std::string message = c.message;
    for (size_t chunk = 1; chunk <= message.size() + 1; chunk++) {
      const Split found = split(message, chunk);
      EXPECT_EQ(found.header, c.header) << message << " in " << chunk;
      EXPECT_EQ(found.body, c.body) << message << " in " << chunk;
      EXPECT_EQ(found.at_body, c.at_body) << message << " in " << chunk;
    }
  }
}

TEST(HeaderReader, IsBoundedInOctets) {
  HeaderReader reader;
  const std::string line = "X-Long: " + std::string(990, 'x') + "\r\n";
  size_t given = 0;
  while (given <= kMaxHeaderLength) {
    EXPECT_EQ(reader.update(line), line.size());
    given += line.size();
  }
  EXPECT_EQ(reader.update("\r\nbody"), 2U);
  reader.finish();
  EXPECT_TRUE(reader.overflowed());
  EXPECT_EQ(reader.fields().size(), kMaxHeaderLength / line.size());
  for (const auto& field : reader.fields()) EXPECT_EQ(field.raw.size(), line.size() - 2);
}

TEST(HeaderReader, TakesAHeaderThatJustFits) {
  HeaderReader reader;
  const std::string header = "X: " + std::string(kMaxHeaderLength - 7, 'x') + "\r\n\r\n";
  ASSERT_EQ(header.size(), kMaxHeaderLength);
  reader.update(header);
  reader.finish();
  EXPECT_FALSE(reader.overflowed());
  EXPECT_EQ(reader.fields().size(), 1U);
}

TEST(HeaderReader, IsBoundedInFields) {
  HeaderReader reader;
  for (size_t i = 0; i <= kMaxHeaderFields; i++) reader.update("A:\r\n");
  reader.update("\r\n");
  reader.finish();
  EXPECT_TRUE(reader.overflowed());
  EXPECT_EQ(reader.fields().size(), kMaxHeaderFields);
}

}  // namespace
}  // namespace postern::auth
