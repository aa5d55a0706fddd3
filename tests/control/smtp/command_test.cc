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
  EXPECT_EQ(parse_command("ehlo client.example").command.name, "client.example");
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
    const auto& command = parsed.command;
    EXPECT_EQ(command.verb == Verb::kMail ? command.sender.address : command.recipient.address,
              address)
        << line;
  }
}

TEST(Command, RefusesWhatIsNoPath) {
  for (const char* line :
       {"MAIL", "MAIL FROM", "MAIL FROM:", "MAIL FROM:a@b.example", "MAIL FROM:<a@b.example",
        "MAIL FROM:<a b@c.example>", "MAIL FROM:<a\x01@b.example>", "MAIL FROM:<\xc3@b.example>",
        "MAIL FROM:<a\"b\"@c.example>", "MAIL FROM:<\"a\"b@c.example>", "MAIL FROM:<\"a@b.example>",
        "MAIL FROM:<a<b@c.example>", "MAIL FROM:<a@b.example>SIZE=1", "RCPT TO:<>",
        "MAIL TO:<a@b.example>", "RCPT FROM:<a@b.example>", "MAIL FROM:<@x.example>"}) {
    EXPECT_TRUE(parse_command(line).bad) << line;
  }
  EXPECT_TRUE(parse_command("RCPT TO:<" + std::string(600, 'a') + "@b.example>").bad);
}

TEST(Command, ReadsParametersOfMail) {
  const auto parsed = parse_command("MAIL FROM:<a@b.example> size=1234  BODY=8bitmime");
  ASSERT_FALSE(parsed.bad);
  EXPECT_EQ(parsed.command.sender.size, 1234u);
  EXPECT_EQ(parsed.command.sender.body, BodyType::kEightBitMime);
  const auto all = parse_command("MAIL FROM:<> ret=hdrs ENVID=Qq+3D1 smtputf8 SIZE=1 BODY=7BIT");
  ASSERT_FALSE(all.bad);
  EXPECT_EQ(all.command.sender.dsn_return, DsnReturn::kHeaders);
  EXPECT_EQ(all.command.sender.envelope_id, "Qq+3D1");
  EXPECT_TRUE(all.command.sender.utf8);
  EXPECT_EQ(parse_command("MAIL FROM:<> RET=FULL").command.sender.dsn_return, DsnReturn::kFull);
  EXPECT_EQ(parse_command("MAIL FROM:<> BODY=7BIT").command.sender.body, BodyType::kSevenBit);
  EXPECT_EQ(parse_command("MAIL FROM:<> SIZE=99999999999999999999").command.sender.size,
            UINT64_MAX);
}

TEST(Command, ReadsParametersOfRcpt) {
  const auto parsed =
      parse_command("RCPT TO:<a@b.example> notify=Success,DELAY ORCPT=rfc822;a+2Bb@b.example");
  ASSERT_FALSE(parsed.bad);
  EXPECT_EQ(parsed.command.recipient.notify, "SUCCESS,DELAY");
  EXPECT_EQ(parsed.command.recipient.original, "rfc822;a+2Bb@b.example");
  EXPECT_EQ(parse_command("RCPT TO:<a@b.example> NOTIFY=NEVER").command.recipient.notify, "NEVER");
}

TEST(Command, AddressesInUtf8) {
  const auto parsed = parse_command("MAIL FROM:<\xc3\xa9@b.example>");
  EXPECT_FALSE(parsed.bad);
  EXPECT_TRUE(needs_utf8(parsed.command.sender.address));
  EXPECT_FALSE(needs_utf8("e@b.example"));
  // Overlong, a surrogate, cut off, beyond Unicode.
  for (const char* bytes : {"\xc0\xaf", "\xed\xa0\x80", "\xe2\x82", "\xf5\x80\x80\x80"})
    EXPECT_TRUE(parse_command("RCPT TO:<" + std::string(bytes) + "@b.example>").bad);
}

TEST(Command, RefusesParametersThatAreNone) {
  const std::pair<const char*, int> bad[] = {
      {"MAIL FROM:<> AUTH=<>", 555},
      {"MAIL FROM:<> NOTIFY=NEVER", 555},
      {"MAIL FROM:<> SMTPUTF8=yes", 501},
      {"MAIL FROM:<> SMTPUTF8 SMTPUTF8", 501},
      {"MAIL FROM:<> RET=", 501},
      {"MAIL FROM:<> RET=HDRS RET=FULL", 501},
      {"MAIL FROM:<> ENVID=", 501},
      {"MAIL FROM:<> ENVID=a\x01", 501},
      {"RCPT TO:<a@b.example> SIZE=1", 555},
      {"RCPT TO:<a@b.example> NOTIFY=", 501},
      {"RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", 501},
      {"RCPT TO:<a@b.example> NOTIFY=DELAY,", 501},
      {"RCPT TO:<a@b.example> NOTIFY=DELAY,DELAY", 501},
      {"RCPT TO:<a@b.example> NOTIFY=DELAY NOTIFY=DELAY", 501},
      {"RCPT TO:<a@b.example> ORCPT=a@b.example", 501},
      {"MAIL FROM:<> SIZE=", 501},
      {"MAIL FROM:<> SIZE", 501},
      {"MAIL FROM:<> SIZE=-1", 501},
      {"MAIL FROM:<> SIZE=1x", 501},
      {"MAIL FROM:<> BODY=BINARYMIME", 501},
      {"MAIL FROM:<> SIZE=1 SIZE=2", 501},
      {"MAIL FROM:<> SIZE=999999999999999999999", 501},
  };
  for (const auto& [line, code] : bad) {
    const auto parsed = parse_command(line);
    ASSERT_TRUE(parsed.bad) << line;
    EXPECT_EQ(parsed.bad->code, code) << line;
  }
  EXPECT_TRUE(parse_command("MAIL FROM:<> ENVID=" + std::string(101, 'x')).bad);
  EXPECT_TRUE(parse_command("RCPT TO:<a@b.example> ORCPT=rfc822;" + std::string(500, 'x')).bad);
}

TEST(Command, ReadsChunks) {
  const auto last = parse_command("bdat 86 last").command;
  EXPECT_EQ(last.verb, Verb::kBdat);
  EXPECT_EQ(last.chunk.octets, 86u);
  EXPECT_TRUE(last.chunk.last);
  EXPECT_FALSE(parse_command("BDAT 0").command.chunk.last);
  for (const char* line : {"BDAT", "BDAT LAST", "BDAT -1", "BDAT 1x", "BDAT 1 FIRST",
                           "BDAT 1 LAST x", "BDAT 18446744073709551616", "BDAT +1"})
    EXPECT_TRUE(parse_command(line).bad) << line;
}

TEST(Command, WantsANameInHello) {
  EXPECT_TRUE(parse_command("EHLO").bad);
  EXPECT_TRUE(parse_command("HELO  ").bad);
  EXPECT_TRUE(parse_command("EHLO \x01").bad);
  EXPECT_TRUE(parse_command("EHLO " + std::string(300, 'x')).bad);
  EXPECT_EQ(parse_command("HELO a b c").command.name, "a");
  EXPECT_EQ(parse_command("EHLO [IPv6:2001:db8::1]").command.name, "[IPv6:2001:db8::1]");
}

TEST(Command, CommandsWithoutArgumentsHaveNone) {
  for (const char* line : {"DATA now", "RSET x", "QUIT x", "STARTTLS x"})
    EXPECT_EQ(parse_command(line).bad->code, 501) << line;
  EXPECT_FALSE(parse_command("NOOP whatever").bad);
}

}  // namespace
}  // namespace postern::smtp
