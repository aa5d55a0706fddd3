// SPDX-License-Identifier: BSD-3-Clause
//
// The protocol machine: whole sessions at every cut of their bytes, what is answered to whom, and
// what ends a session.
#include "control/milter/filter_session.h"

#include <gtest/gtest.h>

#include "tests/control/milter/filter_trace.h"
#include "tests/control/milter/server_words.h"

namespace postern::milter::test {
namespace {

const std::string kClient = negotiation() +
                            macros('C', {"j", "mx.example", "{daemon_name}", "MTA"}) +
                            connection("client.example", '4', 4711, "192.0.2.7") +
                            macros('H', {"{tls_version}", "TLSv1.3", "{cipher}", "AES"}) +
                            packet('H', strings({"client.example"}));

std::string message(const std::string& sender = "<a@b.example>") {
  return macros('M', {"i", "4ABC"}) + envelope(sender) + header("From", " a@b.example") +
         header("Forged", " 1") + header("Subject", "\t  folded\n\there") + header("Forged", " 2") +
         packet('N') + packet('B', "Hello,\r\n") + packet('B', "world.\r\n") + packet('E');
}

const char kAnswered[] = "c c c c p m[2|Forged|] m[1|Forged|] i[1|Tag| x] i[1|New| one\n two] a";

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = 0; (at = text.find(part, at)) != std::string::npos; at++) found++;
  return found;
}

TEST(FilterSession, OneMessage) {
  const auto trace = trace_of(kClient + message() + packet('Q'));
  EXPECT_EQ(trace.events,
            "connect client.example 192.0.2.7 4711\n"
            "helo client.example tls=TLSv1.3 AES\n"
            "mail <a@b.example> by=\n"
            "rcpt <c@d.example>\n"
            "field [From: a@b.example\r\n]\n"
            "field [Forged: 1\r\n]\n"
            "field [Subject:\t  folded\r\n\there\r\n]\n"
            "field [Forged: 2\r\n]\n"
            "end of header\n"
            "body [Hello,\r\n]\n"
            "body [world.\r\n]\n"
            "end queue=4ABC\n"
            "closed quit\n");
  // HELO, MAIL, RCPT and the two pieces of the body; the other commands have no answer by
  // agreement.
  EXPECT_EQ(answers(trace.output), std::string("O c ") + kAnswered);
}

TEST(FilterSession, EveryCutComesToTheSame) {
  const std::string bytes =
      kClient + message("<no@b.example>") + packet('A') + message() +
      packet('M', strings({"<left@b.example>"})) + message("<hold@b.example>") + packet('K') +
      connection("unix", 'L', 0, "/run/s") + message("<later@b.example>") + packet('Q');
  const auto whole = trace_of(bytes);
  ASSERT_NE(whole.events.find("closed "), std::string::npos);
  for (size_t cut = 1; cut < bytes.size(); cut++) ASSERT_EQ(trace_of(bytes, {cut}), whole) << cut;
  std::vector<size_t> all;
  for (size_t cut = 1; cut < bytes.size(); cut++) all.push_back(cut);
  EXPECT_EQ(trace_of(bytes, all), whole);
}

TEST(FilterSession, AnOldServerIsAnsweredCommandByCommand) {
  const auto trace =
      trace_of(negotiation(2, 0x3f, 0x7f) + connection("client.example", '4', 25, "192.0.2.7") +
               packet('H', strings({"client.example"})) + message() + packet('Q'));
  // CONNECT, HELO, MAIL, RCPT, DATA, four fields, the end of the header, two pieces of the body.
  EXPECT_EQ(
      answers(trace.output),
      "O c c c c c c c c c c c c p m[2|Forged|] m[1|Forged|] i[1|Tag|x] i[1|New|one\n two] a");
  // The blank behind the colon is guessed, but not in front of another one.
  EXPECT_EQ(count(trace.events, "field [Forged:  1\r\n]"), 1u) << trace.events;
  EXPECT_EQ(count(trace.events, "field [Subject:\t  folded\r\n\there\r\n]"), 1u);
}

TEST(FilterSession, Negotiation) {
  const auto answer = [](uint32_t version, uint32_t actions, uint32_t protocol) {
    TracedFilter filter;
    filter.feed(negotiation(version, actions, protocol));
    return filter.session().closed() ? std::optional<Terms>() : filter.session().terms();
  };
  EXPECT_FALSE(answer(1, kAllActions, kAllProtocol));
  EXPECT_EQ(answer(2, 0x3f, 0x7f),
            (Terms{.version = 2,
                   .actions = Actions::kAddHeaders | Actions::kChangeHeaders | Actions::kQuarantine,
                   .protocol = Protocol::kNone}));
  for (uint32_t version = 2; version <= 6; version++)
    EXPECT_EQ(answer(version, kAllActions, kAllProtocol).value().version, version);
  const auto newer = answer(7, 0xffffffff, 0xffffffff);
  EXPECT_EQ(newer, answer(6, kAllActions, kAllProtocol));  // nothing that we do not know
  EXPECT_TRUE(includes(newer.value().protocol, Protocol::kLeadingSpace));
  EXPECT_FALSE(answer(6, 0x1ef, kAllProtocol));  // may not change fields
  EXPECT_FALSE(answer(6, 0x1fe, kAllProtocol));  // may not add any
}

TEST(FilterSession, MacrosAreAskedForWhereThatIsOffered) {
  const auto with = trace_of(negotiation()).output;
  EXPECT_NE(with.find(std::string("\0\0\0\2i {auth_authen}\0", 20)), std::string::npos);
  const auto without = trace_of(negotiation(6, 0x3f)).output;
  EXPECT_EQ(without.size(), 4u + 1 + 12);
}

TEST(FilterSession, EveryFamilyOfClient) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {connection("h", '4', 25, "192.0.2.1"), "connect h 192.0.2.1 25\n"},
      {connection("h", '6', 65535, "2001:db8::1"), "connect h 2001:db8::1 65535\n"},
      {connection("h", '6', 25, "IPv6:2001:db8::1"), "connect h 2001:db8::1 25\n"},
      {connection("h", '6', 25, "fe80::1%eth0"), "connect h fe80::1 25\n"},
      {connection("h", '6', 25, "::ffff:192.0.2.1"), "connect h 192.0.2.1 25\n"},
      {connection("h", '4', 25, "unknown"), "connect h -\n"},
      {connection("h", 'L', 0, "/run/socket"), "connect h -\n"},
      {connection("h", 'U', 0, ""), "connect h -\n"},
      {connection("h", 'X', 0, ""), "closed connect\n"},
      {packet('C', "h"), "closed connect\n"},
      {packet('C', strings({"h"}) + "4\0"), "closed connect\n"},
  };
  for (const auto& [bytes, events] : cases)
    EXPECT_EQ(trace_of(negotiation() + bytes).events, events);
}

TEST(FilterSession, WhoLoggedInIsKnownForOneMessageOnly) {
  const auto trace = trace_of(kClient + macros('M', {"i", "1", "{auth_authen}", "jo"}) +
                              envelope() + packet('E') + macros('M', {"i", "2"}) + envelope() +
                              packet('E') + macros('M', {"auth_authen", "mo"}) + envelope() +
                              packet('A') + envelope() + macros('E', {"i", "late"}) + packet('E'));
  EXPECT_EQ(count(trace.events, "by=jo"), 1u);
  EXPECT_EQ(count(trace.events, "by=mo"), 1u);
  EXPECT_EQ(count(trace.events, "by=\n"), 2u);
  EXPECT_EQ(count(trace.events, "end queue=1\n"), 1u);
  EXPECT_EQ(count(trace.events, "end queue=2\n"), 1u);
  EXPECT_EQ(count(trace.events, "end queue=late\n"), 1u);
}

TEST(FilterSession, ALongMacroIsCut) {
  TracedFilter filter;
  filter.feed(kClient + macros('M', {"i", std::string(100'000, 'x')}) + envelope());
  EXPECT_EQ(filter.session().queue_id().size(), FilterSession::kMaxMacro);
}

TEST(FilterSession, MessagesInARowAndResetsAndASecondData) {
  const auto trace = trace_of(kClient + message() + message() + packet('A') +  // none is open
                              envelope() + packet('A') +                       // RSET
                              envelope() + packet('T') + packet('E') +         // DATA twice
                              envelope() + envelope() + packet('Q'));
  EXPECT_EQ(count(trace.events, "end queue"), 3u) << trace.events;
  EXPECT_EQ(count(trace.events, "abort\n"), 3u) << trace.events;
  EXPECT_TRUE(trace.events.ends_with("abort\nclosed quit\n"));
}

TEST(FilterSession, AnotherClientOnTheSameConnection) {
  const auto trace =
      trace_of(kClient + envelope() + packet('K') + connection("other", '4', 1, "192.0.2.8") +
               packet('H', strings({"other"})) + message() + packet('Q'));
  EXPECT_NE(trace.events.find("abort\ngone\nconnect other 192.0.2.8 1\nhelo other tls=\n"),
            std::string::npos)
      << trace.events;
  EXPECT_EQ(count(trace.events, "end queue"), 1u);
}

TEST(FilterSession, WhatIsRefusedAtOnceEndsTheMessage) {
  const auto trace = trace_of(kClient + packet('M', strings({"<later@b.example>"})) + packet('A') +
                              packet('M', strings({"<trusted@b.example>"})) + message() +
                              packet('H', strings({"bot"})) + packet('Q'));
  EXPECT_EQ(answers(trace.output), std::string("O c t a ") + kAnswered + " y[550 5.7.1 no bots]");
  EXPECT_EQ(count(trace.events, "abort"), 0u) << trace.events;
}

TEST(FilterSession, ARefusedRecipientLeavesTheOthers) {
  const auto trace =
      trace_of(kClient + packet('M', strings({"<a@b.example>"})) +
               packet('R', strings({"<nobody@d.example>"})) +
               packet('R', strings({"<c@d.example>"})) + packet('T') + packet('N') + packet('E'));
  EXPECT_TRUE(answers(trace.output).starts_with("O c c y[550 5.7.1 not to them] c p "))
      << answers(trace.output);
  EXPECT_EQ(count(trace.events, "end queue"), 1u);
}

TEST(FilterSession, ARefusalHasSmtpsFormAndNoFormats) {
  const auto trace = trace_of(kClient + message("<no@b.example>"));
  EXPECT_TRUE(answers(trace.output).ends_with("p y[550-5.7.1 100%%\r\n550 5.7.1 no]"))
      << answers(trace.output);
}

TEST(FilterSession, TextsOfStrangersCannotBreakAReply) {
  TracedFilter filter;
  filter.feed(kClient + envelope());
  FilterSession& session = filter.session();
  session.receive(packet('E'));
  while (session.next()) {
  }
  session.finish(
      {}, policy::Refusal{
              .code = 451, .enhanced = "4.7.1", .text = "a\r\nb\0c\xff" + std::string(5000, 'x')});
  const auto text = answers(session.take_output());
  EXPECT_TRUE(text.starts_with("y[451-4.7.1 a?\r\n451 4.7.1 b")) << text;
  EXPECT_LT(text.size(), 1000u);
}

TEST(FilterSession, QuarantineOnlyWhereItIsAllowed) {
  EXPECT_TRUE(
      answers(trace_of(kClient + message("<hold@b.example>")).output).ends_with(" q[odd] a"));
  const auto trace = trace_of(negotiation(6, 0x11) + message("<hold@b.example>"));
  EXPECT_EQ(answers(trace.output).find("q["), std::string::npos);
}

TEST(FilterSession, ABodyThatMakesNoDifferenceIsSkipped) {
  const std::string bytes =
      envelope() + header("Skip", " me") + packet('N') + packet('B', "body\r\n");
  const auto skipped = trace_of(kClient + bytes + packet('E'));
  EXPECT_TRUE(answers(skipped.output).starts_with("O c c c s p ")) << answers(skipped.output);
  EXPECT_EQ(skipped.events.find("body ["), std::string::npos);
  // A server that does not know the word goes on, and is heard no more.
  const auto old = trace_of(negotiation(6, kAllActions, kAllProtocol & ~0x400u) + bytes +
                            packet('B', "more\r\n") + packet('E', "rest"));
  EXPECT_TRUE(answers(old.output).starts_with("O c c c c p ")) << answers(old.output);
  EXPECT_EQ(old.events.find("body ["), std::string::npos);
  // Of the next message it is not known yet.
  EXPECT_NE(trace_of(kClient + bytes + packet('E') + message()).events.find("body ["),
            std::string::npos);
}

TEST(FilterSession, TheLastPieceMayComeWithTheEndAndAHeaderMayHaveNone) {
  const auto trace = trace_of(kClient + envelope() + header("A", " b") + packet('E', "last\r\n"));
  EXPECT_NE(trace.events.find("end of header\nbody [last\r\n]\nend queue"), std::string::npos)
      << trace.events;
  const auto empty = trace_of(kClient + envelope() + packet('E'));
  EXPECT_NE(empty.events.find("rcpt <c@d.example>\nend of header\nend queue"), std::string::npos);
}

TEST(FilterSession, UnknownCommandsOfClientsAreAnswered) {
  EXPECT_EQ(
      answers(trace_of(negotiation(6, kAllActions, 0) + packet('U', "XYZZY") + packet('Q')).output),
      "O c");
}

TEST(FilterSession, WhatIsNoMilterProtocolEndsTheSession) {
  const std::string open = negotiation();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"EHLO client.example\r\n", "packet-length"},
      {std::string(4, '\0'), "packet-length"},
      {packet('C'), "not-negotiated"},
      {packet('O', "short"), "negotiation"},
      {open + negotiation(), "negotiated-twice"},
      {open + packet('x'), "unknown-command"},
      {open + packet('D', "Mi"), "macros"},
      {open + packet('H', "no nul"), "helo"},
      {open + packet('M'), "mail"},
      {open + packet('R', strings({"<a>"})), "recipient"},
      {open + packet('T'), "data"},
      {open + header("A", "b"), "header"},
      {open + packet('N'), "end-of-header"},
      {open + packet('B', "b"), "body"},
      {open + packet('E'), "end-of-message"},
      {open + envelope() + packet('L', strings({"A"})), "header"},
      {open + envelope() + packet('L', strings({"A", "b", "c"})), "header"},
      {open + envelope() + packet('N') + header("A", "b"), "header"},
      {open + envelope() + packet('N') + packet('R', strings({"<a>"})), "recipient"},
  };
  for (const auto& [bytes, reason] : cases) {
    const auto trace = trace_of(bytes + packet('Q') + open);
    EXPECT_TRUE(trace.events.ends_with("closed " + reason + "\n")) << reason << "\n"
                                                                   << trace.events;
  }
  std::string large;
  append_be32(large, kMaxPacket + 1);
  EXPECT_EQ(trace_of(open + large).events, "closed packet-length\n");
}

TEST(FilterSession, ALongFieldIsTakenWhole) {
  const std::string value(200'000, 'v');
  const auto trace = trace_of(kClient + envelope() + header("Long", value));
  EXPECT_NE(trace.events.find("field [Long:" + value + "\r\n]"), std::string::npos);
}

TEST(FilterSession, ClosingFromOutsideAbortsTheMessage) {
  TracedFilter filter;
  filter.feed(kClient + envelope());
  filter.session().close("shutdown");
  filter.feed(packet('E'));
  EXPECT_TRUE(filter.trace().events.ends_with("abort\nclosed shutdown\n"));
}

}  // namespace
}  // namespace postern::milter::test
