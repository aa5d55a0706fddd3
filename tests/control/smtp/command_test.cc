// SPDX-License-Identifier: BSD-3-Clause
//
// Command lines of clients: those that everybody sends, those that are a little off and are let
// pass, and those that are refused.
#include "control/smtp/command.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace postern::smtp {
namespace {

TEST(Command, KnowsVerbsInAnyCase) {
  EXPECT_EQ(parse_command("EHLO client.example").command.verb, Verb::kEhlo);
  EXPECT_EQ(parse_command("ehlo client.example").command.argument, "client.example");
  EXPECT_EQ(parse_command("Helo x").command.verb, Verb::kHelo);
  EXPECT_EQ(parse_command("  QUIT ").command.verb, Verb::kQuit);
  EXPECT_EQ(parse_command("XCLIENT ADDR=192.0.2.1").command.verb, Verb::kUnknown);
  EXPECT_EQ(parse_command("").command.verb, Verb::kUnknown);
  EXPECT_EQ(parse_command("GET / HTTP/1.1").command.verb, Verb::kForeign);
}

TEST(Command, ReadsPaths) {
  const std::pair<const char*, const char*> fine[] = {
      {"MAIL FROM:<a@b.example>", "a@b.example"},
      {"mail from: <a@b.example>", "a@b.example"},
      {"MAIL FROM:<>", ""},
      {"MAIL FROM:<\"a b>c\"@d.example>", "\"a b>c\"@d.example"},
      {"MAIL FROM:<\"a\\\"b\"@d.example>", "\"a\\\"b\"@d.example"},
      {"MAIL FROM:<@one.example,@two.example:a@b.example>", "a@b.example"},
      {"MAIL FROM:<a@[192.0.2.1]>", "a@[192.0.2.1]"},
      {"RCPT TO:<postmaster>", "postmaster"},
      {"RCPT TO:<user+tag=x@b.example>", "user+tag=x@b.example"},
  };
  for (const auto& [line, address] : fine) {
    const auto parsed = parse_command(line);
    EXPECT_FALSE(parsed.bad) << line;
    EXPECT_EQ(parsed.command.argument, address) << line;
  }
}

TEST(Command, RefusesWhatIsNoPath) {
  for (const char* line :
       {"MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example",
        "MAIL FROM:<a b@c.example>", "MAIL FROM:<a\x01@b.example>",
        "MAIL FROM:<\xc3\xa9@b.example>", "MAIL FROM:<a\"b\"@c.example>",
        "MAIL FROM:<\"a\"b@c.example>", "MAIL FROM:<\"a@b.example>", "MAIL FROM:<a<b@c.example>",
        "MAIL FROM:<a@b.example>SIZE=1", "RCPT TO:<>", "MAIL TO:<a@b.example>",
        "RCPT FROM:<a@b.example>", "MAIL FROM:<@x.example>"}) {
    EXPECT_TRUE(parse_command(line).bad) << line;
  }
  EXPECT_TRUE(parse_command("RCPT TO:<" + std::string(600, 'a') + "@b.example>").bad);
}

TEST(Command, ReadsParametersOfMail) {
  const auto parsed = parse_command("MAIL FROM:<a@b.example> size=1234  BODY=8bitmime");
  ASSERT_FALSE(parsed.bad);
  EXPECT_EQ(parsed.command.size, 1234u);
  EXPECT_EQ(parsed.command.eight_bit, true);
  EXPECT_EQ(parse_command("MAIL FROM:<> BODY=7BIT").command.eight_bit, false);
  EXPECT_EQ(parse_command("MAIL FROM:<> SIZE=99999999999999999999").command.size, UINT64_MAX);
}

TEST(Command, RefusesParametersThatWereNotOffered) {
  const std::pair<const char*, int> bad[] = {
      {"MAIL FROM:<> AUTH=<>", 555},       {"MAIL FROM:<> SMTPUTF8", 555},
      {"MAIL FROM:<> RET=HDRS", 555},      {"RCPT TO:<a@b.example> NOTIFY=NEVER", 555},
      {"MAIL FROM:<> SIZE=", 501},         {"MAIL FROM:<> SIZE=-1", 501},
      {"MAIL FROM:<> SIZE=1x", 501},       {"MAIL FROM:<> BODY=BINARYMIME", 501},
      {"MAIL FROM:<> SIZE=1 SIZE=2", 555}, {"MAIL FROM:<> SIZE=999999999999999999999", 501},
  };
  for (const auto& [line, code] : bad) {
    const auto parsed = parse_command(line);
    ASSERT_TRUE(parsed.bad) << line;
    EXPECT_EQ(parsed.bad->code, code) << line;
  }
}

TEST(Command, WantsANameInHello) {
  EXPECT_TRUE(parse_command("EHLO").bad);
  EXPECT_TRUE(parse_command("HELO  ").bad);
  EXPECT_TRUE(parse_command("EHLO \x01").bad);
  EXPECT_TRUE(parse_command("EHLO " + std::string(300, 'x')).bad);
  EXPECT_EQ(parse_command("HELO a b c").command.argument, "a");
  EXPECT_EQ(parse_command("EHLO [IPv6:2001:db8::1]").command.argument, "[IPv6:2001:db8::1]");
}

TEST(Command, CommandsWithoutArgumentsHaveNone) {
  for (const char* line : {"DATA now", "RSET x", "QUIT x", "STARTTLS x"})
    EXPECT_EQ(parse_command(line).bad->code, 501) << line;
  EXPECT_FALSE(parse_command("NOOP whatever").bad);
}

}  // namespace
}  // namespace postern::smtp
