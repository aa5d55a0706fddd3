// SPDX-License-Identifier: BSD-3-Clause
//
// Canonical forms: the example of RFC 6376 §3.4.5, the corners of bodies, and a naive twin that has
// the whole body before it, compared over random bodies at every way to cut them.
#include "control/auth/dkim_canonicalize.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace postern::auth {
namespace {

using enum Canonicalization;

std::string field(std::string_view text, Canonicalization how) {
  std::string output;
  canonicalize_field(text, how, output);
  return output;
}

std::string body(std::string_view text, Canonicalization how, size_t chunk = 0) {
  std::string output;
  BodyCanonicalizer canonicalizer(how, [&](std::string_view bytes) { output += bytes; });
  if (chunk == 0) chunk = std::max<size_t>(text.size(), 1);
  for (size_t start = 0; start < text.size(); start += chunk) {
    canonicalizer.update(text.substr(start, chunk));
  }
  canonicalizer.finish();
  EXPECT_EQ(canonicalizer.length(), output.size());
  return output;
}

TEST(CanonicalizeField, ExampleOfTheStandard) {
  EXPECT_EQ(field("A: X", kRelaxed), "a:X");
  EXPECT_EQ(field("B : Y\t\r\n\tZ  ", kRelaxed), "b:Y Z");
  EXPECT_EQ(field("A: X", kSimple), "A: X");
  EXPECT_EQ(field("B : Y\t\r\n\tZ  ", kSimple), "B : Y\t\r\n\tZ  ");
}

TEST(CanonicalizeField, Relaxed) {
  EXPECT_EQ(field("SUBJect:AbC", kRelaxed), "subject:AbC");
  EXPECT_EQ(field("a:", kRelaxed), "a:");
  EXPECT_EQ(field("a: \r\n \r\n\t", kRelaxed), "a:");
  EXPECT_EQ(field("a \t :b", kRelaxed), "a:b");
  EXPECT_EQ(field("a:\r\n b\r\n  c\t\td", kRelaxed), "a:b c d");
  EXPECT_EQ(field("a: b\rc\nd", kRelaxed), "a:b\rc\nd");
  EXPECT_EQ(field("a: b:c : d", kRelaxed), "a:b:c : d");
  EXPECT_EQ(field("a: \xc3\xbc ", kRelaxed), "a:\xc3\xbc");
}

TEST(CanonicalizeBody, ExampleOfTheStandard) {
  const std::string text = " C \r\nD \t E\r\n\r\n\r\n";
  EXPECT_EQ(body(text, kRelaxed), " C\r\nD E\r\n");
  EXPECT_EQ(body(text, kSimple), " C \r\nD \t E\r\n");
}

TEST(CanonicalizeBody, EmptyBodies) {
  for (const char* text : {"", "\r\n", "\r\n\r\n\r\n"}) {
    EXPECT_EQ(body(text, kSimple), "\r\n");
    EXPECT_EQ(body(text, kRelaxed), "");
  }
  EXPECT_EQ(body(" \t\r\n \r\n", kRelaxed), "");
  EXPECT_EQ(body(" \r\n", kSimple), " \r\n");
  EXPECT_EQ(body(" ", kRelaxed), "");
}

TEST(CanonicalizeBody, TheLastLine) {
  EXPECT_EQ(body("a", kSimple), "a\r\n");
  EXPECT_EQ(body("a", kRelaxed), "a\r\n");
  EXPECT_EQ(body("a ", kRelaxed), "a\r\n");
  EXPECT_EQ(body("a\r\n ", kRelaxed), "a\r\n");
  EXPECT_EQ(body("a\r\n ", kSimple), "a\r\n \r\n");
  EXPECT_EQ(body("a\r", kSimple), "a\r\r\n");
  EXPECT_EQ(body("a\r", kRelaxed), "a\r\r\n");
  EXPECT_EQ(body("a\n", kSimple), "a\n\r\n");
}

TEST(CanonicalizeBody, BareLineEndsAreText) {
  EXPECT_EQ(body("a\n\n\r\n", kSimple), "a\n\n\r\n");
  EXPECT_EQ(body("a \n b\r\n", kRelaxed), "a \n b\r\n");
  EXPECT_EQ(body("a \r b\r\n", kRelaxed), "a \r b\r\n");
  EXPECT_EQ(body("a\r\r\n", kRelaxed), "a\r\r\n");
  EXPECT_EQ(body("\r\r\n\r\n", kSimple), "\r\r\n");
}

// The same from the words of the standard, with the whole body at hand.
std::string naive_body(std::string_view text, Canonicalization how) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find("\r\n");
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 2);
  }
  if (how == kRelaxed) {
    for (std::string& line : lines) {
      std::string reduced;
      for (char c : line) {
        if (c == '\t') c = ' ';
        if (c != ' ' || !reduced.ends_with(' ')) reduced += c;
      }
      if (reduced.ends_with(' ')) reduced.pop_back();
      line = reduced;
    }
  }
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  std::string result;
  for (const std::string& line : lines) result += line + "\r\n";
  return result.empty() && how == kSimple ? "\r\n" : result;
}

TEST(CanonicalizeBody, AgreesWithItsNaiveTwinHoweverItIsCut) {
  std::mt19937 random(6376);
  constexpr std::string_view kAlphabet = "\r\n\r\n\t  ab";
  for (int round = 0; round < 3000; round++) {
    std::string text(random() % 24, ' ');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    for (const auto how : {kSimple, kRelaxed}) {
      const std::string expected = naive_body(text, how);
      for (size_t chunk = 0; chunk <= text.size(); chunk++) {
        ASSERT_EQ(body(text, how, chunk), expected) << testing::PrintToString(text);
      }
    }
  }
}

TEST(CanonicalizeBody, PassesOnMoreThanItsBuffer) {
  std::string text;
  for (int i = 0; i < 3000; i++) text += "line " + std::to_string(i) + "  x \r\n";
  text += std::string(10000, 'y') + "\r\n" + std::string(9000, ' ') + "\r\n";
  for (int i = 0; i < 5000; i++) text += "\r\n";
  text += "end";
  for (const auto how : {kSimple, kRelaxed}) {
    const std::string expected = naive_body(text, how);
    for (const size_t chunk : {0UL, 1UL, 4095UL, 4096UL, 4097UL}) {
      EXPECT_EQ(body(text, how, chunk), expected);
    }
  }
}

}  // namespace
}  // namespace postern::auth
