// SPDX-License-Identifier: BSD-3-Clause
//
// The server's state machine: whole sessions at every cut of their bytes, commands out of order,
// every limit, and nothing carried over from before STARTTLS.
#include "control/smtp/server_session.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/control/smtp/session_trace.h"

namespace postern::smtp {
namespace {

const Offer kOffer{.eight_bit_mime = true,
                   .enhanced_status_codes = true,
                   .utf8 = true,
                   .chunking = true,
                   .dsn = true,
                   .size = 1000};

ServerOptions options() {
  ServerOptions options;
  options.name = "mx.example";
  options.starttls = true;
  return options;
}

Trace run(std::string_view bytes, const ServerOptions& with = options()) {
  return trace_of(bytes, {}, with, kOffer);
}

// The same at every single cut, and byte by byte. Returns it uncut.
Trace run_at_every_cut(const std::string& bytes, const ServerOptions& with = options()) {
  const Trace whole = run(bytes, with);
  std::vector<size_t> all;
  for (size_t cut = 0; cut <= bytes.size(); cut++) {
    EXPECT_EQ(trace_of(bytes, {cut}, with, kOffer), whole) << "cut at " << cut;
    all.push_back(cut);
  }
  EXPECT_EQ(trace_of(bytes, all, with, kOffer), whole) << "byte by byte";
  return whole;
}

// The codes of all replies, the final line of each.
std::string codes(const std::string& output) {
  std::string found;
  for (size_t at = 0; at < output.size(); at = output.find("\r\n", at) + 2)
    if (output[at + 3] == ' ') found += output.substr(at, 3) + " ";
  return found;
}

const char kHello[] = "EHLO client.example\r\n";
const char kEnvelope[] =
    "EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n";

TEST(ServerSession, AWholeSessionAtEveryCut) {
  const auto trace = run_at_every_cut(
      "EHLO client.example\r\n"
      "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME\r\n"
      "RCPT TO:<c@d.example>\r\nRCPT TO:<nobody@d.example>\r\nRCPT TO:<later@d.example>\r\n"
      "DATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n"
      "RSET\r\nNOOP\r\nVRFY c\r\nQUIT\r\nMAIL FROM:<behind@the.end>\r\n");
  EXPECT_EQ(trace.events,
            "ehlo client.example\n"
            "mail <a@b.example> size=100 8bit\n"
            "rcpt <c@d.example>\nrcpt <nobody@d.example>\nrcpt <later@d.example>\n"
            "data\ntext [Subject: x\r\n\r\n.dot\r\n]\nend\nclosed quit\n");
  EXPECT_EQ(trace.output,
            "220 mx.example ESMTP Postern\r\n"
            "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
            "250-ENHANCEDSTATUSCODES\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-DSN\r\n"
            "250-LIMITS MAILMAX=1000 RCPTMAX=1000\r\n250 STARTTLS\r\n"
            "250 2.1.0 sender\r\n250 2.1.5 recipient\r\n550 5.1.1 no such user\r\n"
            "450 4.2.1 later\r\n354 go\r\n250 2.0.0 taken\r\n250 2.0.0 forgotten\r\n"
            "250 2.0.0 fine\r\n252 2.0.0 cannot verify; send the message and see\r\n"
            "221 2.0.0 mx.example goodbye\r\n");
}

TEST(ServerSession, SeveralMessagesAtEveryCut) {
  const std::string message = "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n";
  const auto trace = run_at_every_cut("HELO c\r\n" + message + message);
  EXPECT_EQ(codes(trace.output), "220 250 250 250 354 250 250 250 354 250 ");
}

TEST(ServerSession, HeloOffersNothing) {
  EXPECT_EQ(run("HELO c\r\n").output, "220 mx.example ESMTP Postern\r\n250 mx.example\r\n");
  EXPECT_EQ(codes(run("HELO c\r\nMAIL FROM:<a@b.example> SIZE=1\r\n").output), "220 250 555 ");
}

TEST(ServerSession, CommandsOutOfOrder) {
  EXPECT_EQ(codes(run("MAIL FROM:<>\r\n").output), "220 503 ");
  EXPECT_EQ(codes(run(std::string(kHello) + "RCPT TO:<c@d.example>\r\n").output), "220 250 503 ");
  EXPECT_EQ(codes(run(std::string(kHello) + "DATA\r\n").output), "220 250 503 ");
  EXPECT_EQ(codes(run(std::string(kEnvelope) + "MAIL FROM:<>\r\n").output), "220 250 250 250 503 ");
  // All recipients refused: with PIPELINING the DATA is on its way already.
  EXPECT_EQ(
      codes(run(std::string(kHello) + "MAIL FROM:<>\r\nRCPT TO:<no@d.example>\r\nDATA\r\nQUIT\r\n")
                .output),
      "220 250 250 550 554 221 ");
}

TEST(ServerSession, RefusesWhatIsNotImplemented) {
  EXPECT_EQ(codes(run(std::string(kHello) +
                      "EXPN x\r\nAUTH PLAIN AAAA\r\nXCLIENT ADDR=192.0.2.1\r\nETRN x\r\n")
                      .output),
            "220 250 502 502 500 500 ");
}

TEST(ServerSession, ARefusedHelloIsNoHello) {
  EXPECT_EQ(codes(run("EHLO bot\r\nMAIL FROM:<>\r\n").output), "220 550 503 ");
  // And an earlier one stays.
  EXPECT_EQ(codes(run("EHLO c\r\nEHLO bot\r\nMAIL FROM:<>\r\n").output), "220 250 550 250 ");
}

TEST(ServerSession, EhloAndRsetEndATransaction) {
  const auto trace = run_at_every_cut(std::string(kEnvelope) + "RSET\r\nDATA\r\n" + kEnvelope +
                                      "EHLO d\r\nDATA\r\n");
  EXPECT_EQ(codes(trace.output), "220 250 250 250 250 503 250 250 250 250 503 ");
}

TEST(ServerSession, OnlyCrlfEndsCommands) {
  const auto trace = run_at_every_cut("EHLO c\nEHLO c\r\nMAIL FROM:<a@b.example>\nNOOP\rX\r\n");
  EXPECT_EQ(trace.events, "ehlo c\n");
  EXPECT_EQ(codes(trace.output), "220 500 250 500 500 ");
}

TEST(ServerSession, ABareLineEndInTheTextRefusesTheMessageAndKeepsStep) {
  for (const char* text :
       {"a\nb\r\n", "a\rb\r\n", "a\r\n.\nb\r\n", "a\n.\r\nMAIL FROM:<e@v.il>\r\n"}) {
    const auto trace =
        run_at_every_cut(std::string(kEnvelope) + "DATA\r\n" + text + "\r\n.\r\nNOOP\r\n");
    EXPECT_EQ(codes(trace.output), "220 250 250 250 354 550 250 ") << text;
    EXPECT_NE(trace.events.find("end refused 550\n"), std::string::npos);
    EXPECT_EQ(trace.events.find("mail <e@v.il>"), std::string::npos);
  }
}

TEST(ServerSession, ParametersOfMailAndRcptArriveAtEveryCut) {
  const auto trace = run_at_every_cut(
      "EHLO c\r\nMAIL FROM:<\xc3\xa9@b.example> SMTPUTF8 RET=HDRS ENVID=q1\r\n"
      "RCPT TO:<\xc3\xbc@d.example> NOTIFY=NEVER ORCPT=rfc822;c@d.example\r\n");
  EXPECT_EQ(trace.events,
            "ehlo c\nmail <\xc3\xa9@b.example> utf8 hdrs id=q1\n"
            "rcpt <\xc3\xbc@d.example> notify=NEVER original=rfc822;c@d.example\n");
}

TEST(ServerSession, WhatWasNotOfferedIsNotTaken) {
  const Offer nothing{.size = 1000};
  const auto codes_of = [&](const std::string& bytes) {
    return codes(trace_of("EHLO c\r\n" + bytes, {}, options(), nothing).output);
  };
  for (const char* parameter : {"BODY=8BITMIME", "SMTPUTF8", "RET=FULL", "ENVID=x"})
    EXPECT_EQ(codes_of(std::string("MAIL FROM:<> ") + parameter + "\r\n"), "220 250 555 ");
  EXPECT_EQ(codes_of("MAIL FROM:<> BODY=7BIT\r\nRCPT TO:<a@b.example> NOTIFY=NEVER\r\n"),
            "220 250 250 555 ");
  // The octets behind a BDAT are nobody's commands, offered or not.
  EXPECT_EQ(codes_of("BDAT 6 LAST\r\nNOOP\r\nNOOP\r\n"), "220 250 502 250 ");
}

TEST(ServerSession, AddressesInUtf8NeedSmtpUtf8) {
  EXPECT_EQ(codes(run(std::string(kHello) + "MAIL FROM:<\xc3\xa9@b.example>\r\n").output),
            "220 250 553 ");
  EXPECT_EQ(
      codes(run(std::string(kHello) + "MAIL FROM:<a@b.example>\r\nRCPT TO:<\xc3\xbc@d.example>\r\n")
                .output),
      "220 250 250 553 ");
}

TEST(ServerSession, ChunksAtEveryCut) {
  const auto trace =
      run_at_every_cut(std::string(kEnvelope) +
                       "BDAT 12\r\nSubject: x\r\nBDAT 0\r\nBDAT 7 LAST\r\n\r\n.\r\nab"
                       "MAIL FROM:<>\r\nQUIT\r\n");
  EXPECT_TRUE(trace.events.ends_with(
      "chunks\ntext [Subject: x\r\n\r\n.\r\nab]\nend within a line\nmail <>\nclosed quit\n"))
      << trace.events;
  EXPECT_TRUE(
      trace.output.ends_with("250 2.0.0 12 octets\r\n250 2.0.0 0 octets\r\n"
                             "250 2.0.0 taken\r\n250 2.1.0 sender\r\n"
                             "221 2.0.0 mx.example goodbye\r\n"))
      << trace.output;
}

TEST(ServerSession, ChunksOutOfOrder) {
  const std::string hello = kHello;
  const std::string envelope = kEnvelope;
  // Every refused chunk is skipped: "NOOP\r\n" within is never a command.
  EXPECT_EQ(codes(run(hello + "BDAT 6\r\nNOOP\r\nNOOP\r\n").output), "220 250 503 250 ");
  EXPECT_EQ(codes(run(hello + "MAIL FROM:<>\r\nRCPT TO:<no@d.example>\r\nBDAT 6 LAST\r\nNOOP\r\n"
                              "QUIT\r\n")
                      .output),
            "220 250 250 550 554 221 ");
  EXPECT_EQ(codes(run(envelope + "BDAT 2\r\nx\nDATA\r\nRCPT TO:<e@d.example>\r\nMAIL FROM:<>\r\n"
                                 "RSET\r\nDATA\r\n")
                      .output),
            "220 250 250 250 250 503 503 503 250 503 ");
  // A second message does not inherit the first one's text.
  const auto trace = run(envelope +
                         "BDAT 1\r\nxRSET\r\nMAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\n"
                         "BDAT 3 LAST\r\ny\r\n");
  EXPECT_TRUE(trace.events.ends_with("chunks\ntext [y\r\n]\nend\n")) << trace.events;
}

TEST(ServerSession, ARefusedFirstChunkRefusesTheOthers) {
  TracedSession traced(options(), kOffer);
  traced.fill();
  traced.feed(std::string(kEnvelope) + "BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nQUIT\r\nDATA\r\nRSET\r\n");
  EXPECT_EQ(codes(traced.trace().output), "220 250 250 250 452 503 503 250 ");
  EXPECT_EQ(traced.trace().events.find("text"), std::string::npos);
}

TEST(ServerSession, AChunkWhoseEndIsNotKnownEndsTheSession) {
  const auto trace = run_at_every_cut(std::string(kEnvelope) + "BDAT x\r\nMAIL FROM:<e@v.il>\r\n");
  EXPECT_TRUE(trace.events.ends_with("closed bdat\n"));
  EXPECT_EQ(codes(trace.output), "220 250 250 250 501 ");
  EXPECT_EQ(codes(run(std::string(kEnvelope) + "BDAT 99999999999\r\nx").output),
            "220 250 250 250 552 ");
}

TEST(ServerSession, ABareLineEndInChunks) {
  for (const std::string text : {"a\nb\r\n", "a\rb\r\n", "\n", "\r"}) {
    const auto bytes = std::string(kEnvelope) + "BDAT " + std::to_string(text.size()) +
                       " LAST\r\n" + text + "NOOP\r\n";
    EXPECT_EQ(codes(run_at_every_cut(bytes).output), "220 250 250 250 550 250 ");
    auto with = options();
    with.bare_line_ends = BareLineEnds::kNormalise;
    const auto mended = run_at_every_cut(bytes, with);
    EXPECT_EQ(codes(mended.output), "220 250 250 250 250 250 ");
    EXPECT_TRUE(mended.events.ends_with("\r\n]\nend\n")) << mended.events;
  }
}

TEST(ServerSession, NormalisedLineEndsAndWithinALine) {
  auto with = options();
  with.bare_line_ends = BareLineEnds::kNormalise;
  const auto trace = run_at_every_cut(std::string(kEnvelope) + "BDAT 5 LAST\r\na\rb\nc", with);
  EXPECT_TRUE(trace.events.ends_with("text [a\r\nb\r\nc]\nend within a line\n")) << trace.events;
  // A dot behind a bare line end is text, whatever follows it.
  const auto dots = run_at_every_cut(
      std::string(kEnvelope) + "DATA\r\na\n.\r\nb\n.\nc\r.\r\n..\r\n.\r\nNOOP\r\n", with);
  EXPECT_TRUE(dots.events.ends_with("text [a\r\n.\r\nb\r\n.\r\nc\r\n.\r\n.\r\n]\nend\n"))
      << dots.events;
}

TEST(ServerSession, LimitsOfTheFarm) {
  auto offer = kOffer;
  offer.recipients = 1;
  const auto trace =
      trace_of(std::string(kEnvelope) + "RCPT TO:<e@d.example>\r\n", {}, options(), offer);
  EXPECT_NE(trace.output.find("LIMITS MAILMAX=1000 RCPTMAX=1\r\n"), std::string::npos);
  EXPECT_EQ(codes(trace.output), "220 250 250 250 452 ");
}

TEST(ServerSession, LimitsOfSize) {
  EXPECT_EQ(codes(run(std::string(kHello) + "MAIL FROM:<> SIZE=1001\r\n").output), "220 250 552 ");
  std::string text;
  while (text.size() < 1000) text += "0123456789012345678901234567890123456789012345678\r\n";
  const auto large = run(std::string(kEnvelope) + "DATA\r\n" + text + "x\r\n.\r\nNOOP\r\n");
  EXPECT_EQ(codes(large.output), "220 250 250 250 354 552 250 ");
  auto narrow = options();
  narrow.max_data_line = 100;
  const auto wide = run(
      std::string(kEnvelope) + "DATA\r\n" + std::string(101, 'x') + "\r\n.\r\nNOOP\r\n", narrow);
  EXPECT_EQ(codes(wide.output), "220 250 250 250 354 550 250 ");
}

TEST(ServerSession, LinesThatAreTooLong) {
  auto with = options();
  with.max_command_line = 30;
  const std::string longest = "NOOP " + std::string(23, 'x') + "\r\n";
  EXPECT_EQ(codes(run_at_every_cut(longest, with).output), "220 250 ");
  const std::string too_long = "NOOP " + std::string(24, 'x') + "\r\n";
  EXPECT_EQ(codes(run_at_every_cut(too_long + "NOOP\r\n", with).output), "220 500 250 ");
  EXPECT_EQ(codes(run_at_every_cut("NOOP " + std::string(300, 'x') + "\r\nNOOP\r\n", with).output),
            "220 500 250 ");
}

TEST(ServerSession, LimitsOfErrorsCommandsRecipientsAndMessages) {
  auto with = options();
  with.max_errors = 3;
  EXPECT_EQ(run("x\r\nx\r\nx\r\nx\r\n", with).events, "closed errors\n");
  EXPECT_EQ(codes(run("x\r\nx\r\nx\r\nx\r\n", with).output), "220 500 500 500 421 ");

  with = options();
  with.max_idle_commands = 3;
  EXPECT_EQ(run("NOOP\r\nRSET\r\nVRFY x\r\nNOOP\r\n", with).events, "closed commands\n");

  with = options();
  with.max_recipients = 2;
  const std::string recipient = "RCPT TO:<c@d.example>\r\n";
  EXPECT_EQ(codes(run(kEnvelope + recipient + recipient, with).output), "220 250 250 250 250 452 ");

  with = options();
  with.max_refused_recipients = 2;
  const std::string refused = "RCPT TO:<no@d.example>\r\n";
  EXPECT_EQ(codes(run(kEnvelope + refused + refused + refused + refused, with).output),
            "220 250 250 250 550 550 550 421 ");

  with = options();
  with.max_messages = 1;
  const std::string message = "MAIL FROM:<>\r\nRCPT TO:<c@d.example>\r\nDATA\r\nx\r\n.\r\n";
  EXPECT_TRUE(run("HELO c\r\n" + message + message, with)
                  .events.ends_with("text [x\r\n]\nend\nclosed messages\n"));
}

TEST(ServerSession, AnotherProtocolIsSentAway) {
  const auto trace = run("POST / HTTP/1.1\r\nHost: mx\r\n\r\nEHLO c\r\n");
  EXPECT_EQ(trace.events, "closed foreign-protocol\n");
  EXPECT_EQ(codes(trace.output), "220 421 ");
}

TEST(ServerSession, NothingFromBeforeTlsCountsAfterIt) {
  // Injected behind STARTTLS in the same read: refused, and never acted on.
  const std::string injected =
      std::string(kHello) + "STARTTLS\r\nEHLO evil\r\nMAIL FROM:<e@v.il>\r\n";
  const auto at_once = run(injected);
  EXPECT_EQ(at_once.events, "ehlo client.example\nclosed starttls-injection\n");
  EXPECT_EQ(codes(at_once.output), "220 250 554 ");
  for (size_t cut = 0; cut <= injected.size(); cut++) {
    TracedSession traced(options(), kOffer);
    traced.feed(injected.substr(0, cut));
    traced.feed(injected.substr(cut));
    traced.session().tls_established();
    traced.feed("");
    EXPECT_EQ(traced.trace().events.find("evil"), std::string::npos) << cut;
    EXPECT_EQ(traced.trace().events.find("v.il"), std::string::npos) << cut;
  }
  // A piece of a command before the handshake does not grow together with one after it.
  TracedSession traced(options(), kOffer);
  traced.feed(std::string(kHello) + "STARTTLS\r\n");
  traced.feed("MAIL FROM:<e@v.il");
  traced.session().tls_established();
  traced.feed("> \r\nNOOP\r\n");
  EXPECT_EQ(traced.trace().events, "ehlo client.example\nstarttls\n");
  EXPECT_EQ(codes(traced.trace().output), "220 250 220 500 250 ");
}

TEST(ServerSession, TlsBeginsTheSessionAnew) {
  TracedSession traced(options(), kOffer);
  traced.feed(std::string(kEnvelope) + "STARTTLS\r\n");
  traced.session().tls_established();
  EXPECT_TRUE(traced.session().tls());
  EXPECT_TRUE(traced.session().hello_name().empty());
  traced.feed("MAIL FROM:<>\r\nDATA\r\nEHLO again\r\nSTARTTLS\r\n");
  EXPECT_EQ(codes(traced.trace().output), "220 250 250 250 220 503 503 250 503 ");
  const auto& output = traced.trace().output;
  EXPECT_EQ(output.find("250 STARTTLS"), output.rfind("250 STARTTLS")) << "offered within TLS";
}

TEST(ServerSession, StartTlsOnlyWhereThereIsACertificate) {
  auto plain = options();
  plain.starttls = false;
  const auto trace = run(std::string(kHello) + "STARTTLS\r\n", plain);
  EXPECT_EQ(codes(trace.output), "220 250 502 ");
  EXPECT_EQ(trace.output.find("STARTTLS"), std::string::npos);
}

TEST(ServerSession, OffersOnlyWhatTheFarmCan) {
  const auto trace =
      trace_of(std::string(kHello) + "MAIL FROM:<> BODY=8BITMIME\r\n", {}, options(),
               Offer{.eight_bit_mime = false, .enhanced_status_codes = false, .size = 5});
  EXPECT_NE(trace.output.find("250-SIZE 5\r\n"), std::string::npos);
  EXPECT_EQ(trace.output.find("8BITMIME\r\n"), std::string::npos);
  EXPECT_EQ(trace.output.find("ENHANCED"), std::string::npos);
  EXPECT_EQ(codes(trace.output), "220 250 555 ");
}

TEST(ServerSession, ClosedFromOutside) {
  TracedSession traced(options(), kOffer);
  traced.feed(kEnvelope);
  traced.session().close(make_reply(421, "4.3.2", "going down"), "shutdown");
  traced.feed("DATA\r\n");
  EXPECT_TRUE(traced.trace().events.ends_with("closed shutdown\n"));
  EXPECT_TRUE(traced.trace().output.ends_with("421 4.3.2 going down\r\n"));
}

}  // namespace
}  // namespace postern::smtp
