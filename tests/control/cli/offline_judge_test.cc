// SPDX-License-Identifier: BSD-3-Clause
//
// Judging captured frames. The naive twin of the reasoning about cut frames is the frame itself:
// whatever a capture kept of it, the judgement is either that of the whole frame or none. That is
// tried for every frame of the packet corpus, for random changes to them, and for every length.
#include "control/cli/offline_judge.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "dataplane/core/judge.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/packets/corpus.h"
#include "tests/rules/support/compiled.h"

namespace postern::cli {
namespace {

constexpr const char* kPolicy = R"(
list listed "listed.netset" format cidr
list known  "known.netset" format cidr
service mx  198.51.100.0/24 2001:db8:25::/64 port 25
connection to mx
    reset  list known
    drop   list listed
)";

std::shared_ptr<const Snapshot> compile_snapshot() {
  std::string directory = std::filesystem::temp_directory_path() / "postern-judge-XXXXXX";
  if (!mkdtemp(directory.data())) throw std::runtime_error("mkdtemp");
  std::ofstream(directory + "/listed.netset") << "203.0.113.0/24\n2001:db8:d::/48\n10.0.0.0/8\n";
  std::ofstream(directory + "/known.netset") << "203.0.113.128/26\n2001:db8:e::/48\n";
  const auto result = compile(parse_policy(kPolicy, directory + "/policy"));
  std::filesystem::remove_all(directory);
  return Snapshot::from_bytes(result.bytes, "test");
}

const std::shared_ptr<const Snapshot>& snapshot() {
  static const auto snapshot = compile_snapshot();
  return snapshot;
}

CapturedFrame captured(const packets::Bytes& frame, size_t kept) {
  return {1, 0, {frame.data(), kept}, static_cast<uint32_t>(frame.size())};
}

bool equal(const ps_decision& one, const ps_decision& other) {
  return one.action == other.action && one.reason == other.reason && one.rule == other.rule;
}

// How many of the cuts still had a verdict.
size_t expect_cuts_agree(OfflineJudge& judge, const packets::Bytes& frame) {
  const auto whole = judge.judge(captured(frame, frame.size()));
  EXPECT_TRUE(whole.verdict.has_value());
  size_t judged = 0;
  for (size_t kept = 0; kept < frame.size() && whole.verdict; kept++) {
    // A copy of exactly this size, so that reading past it is found by a sanitizer.
    const packets::Bytes copy(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(kept));
    const auto cut =
        judge.judge({1, 0, {copy.data(), copy.size()}, static_cast<uint32_t>(frame.size())});
    if (!cut.verdict) continue;
    judged++;
    EXPECT_TRUE(equal(*cut.verdict, *whole.verdict))
        << "kept " << kept << " of " << frame.size() << ": "
        << word(static_cast<Reason>(cut.verdict->reason))
        << ", whole: " << word(static_cast<Reason>(whole.verdict->reason));
    EXPECT_EQ(cut.rule, whole.rule);
    if (cut.source) {
      EXPECT_EQ(cut.source, whole.source);
    }
    if (cut.destination_port) {
      EXPECT_EQ(cut.destination_port, whole.destination_port);
    }
  }
  return judged;
}

TEST(OfflineJudge, WholeFramesGetTheVerdictOfTheCore) {
  OfflineJudge judge(snapshot(), PS_PORT_WAN);
  for (const auto& one : packets::corpus()) {
    auto image = snapshot()->image();
    const ps_cookie_keys no_cookies{};
    const ps_tables nothing = {{nullptr, 0, nullptr}, {nullptr, 0}, &no_cookies};
    ps_packet packet;
    const auto* data = one.frame.data();
    const auto expected =
        ps_judge(&image, &nothing, PS_PORT_WAN, data, data + one.frame.size(), 0, &packet);
    const auto seen = judge.judge(captured(one.frame, one.frame.size()));
    ASSERT_TRUE(seen.verdict.has_value()) << one.name;
    EXPECT_TRUE(equal(*seen.verdict, expected)) << one.name;
    EXPECT_EQ(seen.rule == nullptr, expected.rule == 0) << one.name;
  }
}

TEST(OfflineJudge, CutFramesGetTheVerdictOfTheWholeOrNone) {
  OfflineJudge judge(snapshot(), PS_PORT_WAN);
  size_t judged = 0;
  for (const auto& one : packets::corpus()) {
    SCOPED_TRACE(one.name);
    judged += expect_cuts_agree(judge, one.frame);
  }
  EXPECT_GT(judged, packets::corpus().size());  // it does not get by with saying nothing
}

TEST(OfflineJudge, CutFramesOfRandomChangesToo) {
  OfflineJudge judge(snapshot(), PS_PORT_WAN);
  packets::Mutations mutations(20260228);
  for (int i = 0; i < 10000 && !testing::Test::HasFailure(); i++) {
    const auto mutant = mutations.next();
    SCOPED_TRACE("mutant " + std::to_string(i) + " of " + mutant.origin->name);
    expect_cuts_agree(judge, mutant.frame);
  }
}

TEST(OfflineJudge, LongSegmentsCutBehindTheirHeadersHaveAVerdict) {
  using namespace packets;  // NOLINT: the notation of frames
  OfflineJudge judge(snapshot(), PS_PORT_WAN);
  const Bytes v4 = Ethernet{} / Ipv4{.source = "203.0.113.7"} / Tcp{} / payload(400);
  const Bytes v6 = Ethernet{} / Vlan{.id = 7} / Ipv6{.source = "2001:db8:d::7"} / Extension{} /
                   Tcp{} / payload(400);
  for (const auto* frame : {&v4, &v6}) {
    const auto cut = judge.judge(captured(*frame, 96));
    ASSERT_TRUE(cut.verdict.has_value());
    EXPECT_EQ(cut.verdict->reason, PS_REASON_RULE_DROP);
    ASSERT_NE(cut.rule, nullptr);
    EXPECT_EQ(cut.rule->text, "drop list listed");
  }
  EXPECT_FALSE(judge.judge(captured(v4, 53)).verdict.has_value());
  EXPECT_TRUE(judge.judge(captured(v4, 54)).verdict.has_value());
}

TEST(OfflineJudge, ALengthThatLiesCostsNoMemory) {
  OfflineJudge judge(snapshot(), PS_PORT_WAN);
  const packets::Bytes frame = packets::Ethernet{} / packets::Ipv4{} / packets::Tcp{};
  const auto seen = judge.judge({1, 0, {frame.data(), 40}, UINT32_MAX});
  EXPECT_FALSE(seen.verdict.has_value());
}

// Of two blocks and two limits that look alike, the one that decided.
TEST(OfflineJudge, NamesLimitsAndOutboundRules) {
  using namespace packets;  // NOLINT: the notation of frames
  test::Workshop shop;
  shop.list("a.txt", "198.51.100.0/28\n");
  shop.list("b.txt", "198.51.100.16/28\n203.0.113.0/24\n");
  const auto rules = shop.snapshot(
      "list a \"a.txt\"\nlist b \"b.txt\"\nservice mx 198.51.100.0/24\n"
      "connection to mx\n limit list a 1/minute burst 1 else drop\n"
      " limit list b 1/minute burst 1 else drop\n"
      "connection from list a\n drop list b\nconnection from list b\n drop list b\n");
  OfflineJudge outside(rules, PS_PORT_WAN), inside(rules, PS_PORT_MX);
  const Bytes in = Ethernet{} / Ipv4{.source = "203.0.113.1"} / Tcp{};
  EXPECT_EQ(outside.judge(captured(in, in.size())).rule, nullptr);
  const auto over = outside.judge(captured(in, in.size()));
  EXPECT_EQ(over.verdict->reason, PS_REASON_LIMIT_DROP);
  EXPECT_EQ(over.rule, &rules->policy().connections[0].rules[1]);
  const Bytes out =
      Ethernet{} / Ipv4{.source = "198.51.100.17", .destination = "203.0.113.1"} / Tcp{};
  EXPECT_EQ(inside.judge(captured(out, out.size())).rule, &rules->policy().outbound[1].rules[0]);
}

TEST(OfflineJudge, TheInsidePortPassesEverything) {
  OfflineJudge judge(snapshot(), PS_PORT_MX);
  for (const auto& one : packets::corpus()) {
    for (const size_t kept : {one.frame.size(), one.frame.size() / 2}) {
      const auto seen = judge.judge(captured(one.frame, kept));
      ASSERT_TRUE(seen.verdict.has_value()) << one.name;
      EXPECT_EQ(seen.verdict->reason, PS_REASON_FROM_INSIDE) << one.name;
    }
  }
}

}  // namespace
}  // namespace postern::cli
