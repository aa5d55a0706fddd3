// SPDX-License-Identifier: BSD-3-Clause
//
// Payload signatures in the DPDK engine: what a HELO says decides whether its segment goes on, is
// dropped, or resets both ends; who is exempt; what is counted and what is taught.
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <thread>

#include "dataplane/dpdk/dpdk_engine.h"
#include "dataplane/dpdk/signature_scan.h"
#include "rules/compile/compile.h"
#include "rules/policy/parse.h"
#include "tests/dataplane/dpdk/ring_wire.h"
#include "tests/packets/oracle.h"

namespace postern::dpdk {
namespace {

using packets::Bytes;
using packets::Ethernet;
using packets::Ipv4;
using packets::Ipv6;
using packets::kAck;
using packets::kPsh;
using packets::kRst;
using packets::Payload;
using packets::Tcp;

constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

Bytes bytes_of(std::string_view text) {
  return Bytes(text.begin(), text.end());
}

Bytes says(std::string_view line, const std::string& source = "203.0.113.7", Tcp tcp = {}) {
  tcp.flags = kAck | kPsh;
  tcp.sequence = 5000;
  tcp.acknowledgement = 9000;
  if (source.find(':') != std::string::npos)
    return Ethernet{} / Ipv6{.source = source, .destination = "2001:db8:25::1"} / tcp /
           Payload{bytes_of(line), 6};
  return Ethernet{} / Ipv4{.source = source, .destination = "198.51.100.25"} / tcp /
         Payload{bytes_of(line), 6};
}

const Bytes kPasses = Ethernet{.type = 0x0806} / packets::payload(46);

class SignatureTest : public testing::Test {
 protected:
  explicit SignatureTest(uint64_t answers_per_second = kDefaultAnswersPerSecond)
      : engine_({.wires = {{wire_.wire(), "", ""}},
                 .workers = {test_eal().workers().front()},
                 .burst = 32,
                 .idle_sleep_us = 20,
                 .dynamic_entries = 1024,
                 .answers_per_second = answers_per_second}) {
    const auto policy = parse_policy(
        "protect 192.0.2.77/32\n"
        "service mx 198.51.100.25/32 2001:db8:25::1/128\n"
        "signature ylmf  /^ylmf-pc$/ drop\n"
        "signature rude  /\\brude\\/bot/ reset learn 1h\n"
        "signature later /pc/ reset\n",
        "test.policy");
    engine_.load(Snapshot::from_bytes(compile(policy).bytes, "test"));
    engine_.start();
  }
  ~SignatureTest() override {
    engine_.stop();
    for (const auto port : {PS_PORT_WAN, PS_PORT_MX}) wire_.take_all(port);
    EXPECT_EQ(wire_.mbufs_in_use(), 0u);
  }

  // The reason that it is counted under; what leaves by the ports is in onward_ and back_.
  std::string_view fate(const Bytes& frame) {
    const auto reason = reason_of(frame);
    // Behind it comes one that passes: when that has, all that the first one caused has been sent.
    EXPECT_EQ(reason_of(kPasses), "not-ip");
    onward_ = wire_.take_all(PS_PORT_MX);
    back_ = wire_.take_all(PS_PORT_WAN);
    EXPECT_FALSE(onward_.empty());
    if (!onward_.empty()) onward_.pop_back();
    return reason;
  }
  std::string_view reason_of(const Bytes& frame) {
    const auto before = engine_.counters();
    EXPECT_TRUE(wire_.send(PS_PORT_WAN, frame));
    for (;;) {
      const auto after = engine_.counters();
      for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
        if (after.packets[PS_PORT_WAN][reason] != before.packets[PS_PORT_WAN][reason])
          return kReasonWords[reason].word;
      std::this_thread::yield();
    }
  }
  std::vector<uint64_t> hits() const { return engine_.rule_counts().signatures; }

  RingWire wire_;
  DpdkEngine engine_;
  std::vector<Bytes> onward_, back_;
};

TEST_F(SignatureTest, DropsTheSegmentThatSaysIt) {
  for (const auto* line : {"EHLO ylmf-pc\r\n", "HELO ylmf-pc\r\n", "helo YLMF-PC\r\n",
                           "ehlo  \t ylmf-pc  \r\nMAIL FROM:<>\r\n", "HELO ylmf-pc"})
    EXPECT_EQ(fate(says(line)), "signature-drop") << line;
  EXPECT_TRUE(onward_.empty());
  EXPECT_TRUE(back_.empty());
  EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n", "2001:db8:d::1")), "signature-drop");
  EXPECT_EQ(hits(), (std::vector<uint64_t>{6, 0, 0}));
}

TEST_F(SignatureTest, LeavesAloneWhatSaysSomethingElse) {
  for (const auto* line :
       {"EHLO mail.example.net\r\n", "EHLO ylmf-xc\r\n", "NOOP ylmf-pc\r\n", "EHLOylmf-pc\r\n",
        "EHL", "EHLO", "EHLO \r\n", "EHLO a\r\nHELO ylmf-pc\r\n", "\r\nEHLO ylmf-pc\r\n"}) {
    const auto frame = says(line);
    EXPECT_EQ(fate(frame), "not-attempt") << line;
    EXPECT_EQ(onward_, std::vector<Bytes>{frame}) << line;
  }
  EXPECT_EQ(hits(), (std::vector<uint64_t>{0, 0, 0}));
}

TEST_F(SignatureTest, OnlyForServicesAndNotForTheProtected) {
  EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n", "192.0.2.77")), "not-attempt");
  EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n", "203.0.113.7", {.destination_port = 587})),
            "not-service");
  EXPECT_EQ(fate(Ethernet{} / Ipv4{.source = "203.0.113.7", .destination = "198.51.100.26"} /
                 Tcp{.flags = kAck} / Payload{bytes_of("EHLO ylmf-pc\r\n"), 6}),
            "not-service");
  engine_.dynamic().add({*Prefix::parse("203.0.113.9/32", Prefix::HostBits::kRefuse), Action::ALLOW,
                         "", monotonic_ns() + 60 * kNanosecondsPerSecond},
                        monotonic_ns());
  EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n", "203.0.113.9")), "not-attempt");
  EXPECT_EQ(hits(), (std::vector<uint64_t>{0, 0, 0}));
}

TEST_F(SignatureTest, ResetsBothEnds) {
  for (const auto* source : {"203.0.113.7", "2001:db8:d::1"}) {
    ASSERT_EQ(fate(says("EHLO my-pc\r\n", source)), "signature-reset");
    const bool v4 = source[0] == '2' && source[3] == '.';
    const std::string service = v4 ? "198.51.100.25" : "2001:db8:25::1";
    const auto frame = [&](const std::string& from, const std::string& to, Ethernet link, Tcp tcp) {
      tcp.flags = kRst;
      tcp.window = 0;
      return v4 ? Bytes(link / Ipv4{.source = from, .destination = to, .fragment = 0x4000} / tcp)
                : Bytes(link / Ipv6{.source = from, .destination = to} / tcp);
    };
    const Ethernet link;
    const Ethernet turned{.destination = link.source, .source = link.destination};
    EXPECT_EQ(back_, std::vector<Bytes>{
                         frame(service, source, turned,
                               {.destination_port = 40000, .source_port = 25, .sequence = 9000})});
    EXPECT_EQ(onward_, std::vector<Bytes>{frame(source, service, link, {.sequence = 5000})});
  }
  EXPECT_EQ(hits(), (std::vector<uint64_t>{0, 0, 2}));
}

class SignatureBudgetTest : public SignatureTest {
 protected:
  SignatureBudgetTest() : SignatureTest(1) {}
};

// They are two packets for one.
TEST_F(SignatureBudgetTest, EachOfBothResetsIsOneOfTheRepliesThatThereMayBe) {
  ASSERT_EQ(fate(says("EHLO my-pc\r\n")), "signature-reset");
  EXPECT_EQ(onward_.size(), 1u) << "first the one that saves the service the session";
  EXPECT_TRUE(back_.empty());
}

TEST_F(SignatureTest, ADamagedSegmentResetsNobody) {
  EXPECT_EQ(fate(packets::flipped(says("EHLO my-pc\r\n"))), "bad-checksum");
  EXPECT_TRUE(onward_.empty());
  EXPECT_TRUE(back_.empty());
}

TEST_F(SignatureTest, NobodyIsResetWhoIsNeverAnswered) {
  for (const auto* source : {"127.0.0.1", "198.51.100.25"}) {  // no host, and a service of ours
    EXPECT_EQ(fate(says("EHLO my-pc\r\n", source)), "never-answered") << source;
    EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n", source)), "signature-drop") << source;
    EXPECT_EQ(fate(says("EHLO a rude/bot here\r\n", source)), "never-answered") << source;
    EXPECT_TRUE(onward_.empty());
    EXPECT_TRUE(back_.empty());
  }
  engine_.attend();
  EXPECT_EQ(engine_.dynamic().size(), 0u);
}

TEST_F(SignatureTest, TeachesWhatItIsToldTo) {
  ASSERT_EQ(fate(says("EHLO a rude/bot here\r\n", "203.0.113.50")), "signature-reset");
  ASSERT_EQ(fate(says("EHLO rude/bot\r\n", "2001:db8:d:0:1::7")), "signature-reset");
  ASSERT_EQ(fate(says("EHLO ylmf-pc\r\n", "203.0.113.51")), "signature-drop");
  engine_.attend();
  const auto now = monotonic_ns();
  auto& dynamic = engine_.dynamic();
  ASSERT_EQ(dynamic.size(), 2u);
  ASSERT_EQ(dynamic.covering(*IpAddress::parse("2001:db8:d::"), now).size(), 1u);
  const auto covering = dynamic.covering(*IpAddress::parse("203.0.113.50"), now);
  ASSERT_EQ(covering.size(), 1u);
  const auto& entry = covering[0];
  EXPECT_EQ(entry.prefix.to_string(), "203.0.113.50/32");
  EXPECT_EQ(entry.action, Action::DROP);
  EXPECT_EQ(entry.reason, "signature rude");
  EXPECT_NEAR(static_cast<double>(entry.expires_ns - now) / 1e9, 3600, 60);
  const Bytes attempt =
      Ethernet{} / Ipv4{.source = "203.0.113.50", .destination = "198.51.100.25"} / Tcp{};
  EXPECT_EQ(fate(attempt), "learned-drop");
}

// A single segment, which anybody can send, would else be a way out of it.
TEST_F(SignatureTest, TeachesNothingAboutWhomSomebodyStoppedForLonger) {
  const auto now = monotonic_ns();
  const auto day = now + 86'400 * kNanosecondsPerSecond;
  const auto prefix = *Prefix::parse("203.0.113.50/32", Prefix::HostBits::kRefuse);
  auto& dynamic = engine_.dynamic();
  dynamic.add({prefix, Action::REFUSE, "control", day, true}, now);
  ASSERT_EQ(fate(says("EHLO a rude/bot here\r\n", "203.0.113.50")), "signature-reset");
  engine_.attend();
  auto entry = dynamic.find(prefix, now);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->action, Action::REFUSE);
  EXPECT_EQ(entry->reason, "control");
  EXPECT_EQ(entry->expires_ns, day);
  // Nor about whom somebody decided, be it for a minute.
  const auto minute = now + 60 * kNanosecondsPerSecond;
  dynamic.add({prefix, Action::INSPECT, "operator", minute}, now);
  ASSERT_EQ(fate(says("EHLO a rude/bot here\r\n", "203.0.113.50")), "signature-reset");
  engine_.attend();
  EXPECT_EQ(dynamic.find(prefix, now)->reason, "operator");
  // What was learned and would end sooner is made longer.
  dynamic.add({prefix, Action::DROP, "control", minute, true}, now);
  ASSERT_EQ(fate(says("EHLO a rude/bot here\r\n", "203.0.113.50")), "signature-reset");
  engine_.attend();
  entry = dynamic.find(prefix, now);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->reason, "signature rude");
  EXPECT_GT(entry->expires_ns, now + 3000 * kNanosecondsPerSecond);
}

TEST_F(SignatureTest, CountsStayWhenTheRulesChange) {
  ASSERT_EQ(fate(says("EHLO ylmf-pc\r\n")), "signature-drop");
  const auto with = [](const std::string& signatures) {
    return Snapshot::from_bytes(
        compile(parse_policy("service mx 198.51.100.25/32\n" + signatures, "test.policy")).bytes,
        "test");
  };
  engine_.load(with("signature other /x/ drop\nsignature ylmf /^ylmf-pc$/ drop\n"));
  EXPECT_EQ(hits(), (std::vector<uint64_t>{0, 0}));
  ASSERT_EQ(fate(says("EHLO ylmf-pc\r\n")), "signature-drop");
  const std::map<std::string, uint64_t> expected{{"other", 0}, {"ylmf", 2}};
  EXPECT_EQ(engine_.rule_totals().signatures, expected);
  engine_.load(with(""));
  EXPECT_EQ(fate(says("EHLO ylmf-pc\r\n")), "not-attempt");
}

// What a thousand hits between two looks of the engine's thread have no room for is lost.
TEST(SignatureScan, AFullRingIsNoHarm) {
  const auto policy =
      parse_policy("service mx 198.51.100.25/32\nsignature a /b/ drop learn 1m\n", "test.policy");
  SignatureScan scan(policy.signatures, 2);
  const auto& signature = policy.signatures.front();
  std::vector<ps_dynamic_bucket> memory(DynamicTable::buckets_for(65536));
  DynamicTable table(memory);
  for (int round = 1; round <= 3; round++) {
    int taught = 0;
    for (uint32_t i = 0; i < 3000; i++) {
      ps_address source{};
      source.bytes[0] = 10;
      source.bytes[1] = static_cast<uint8_t>(round);
      source.bytes[2] = static_cast<uint8_t>(i >> 8);
      source.bytes[3] = static_cast<uint8_t>(i);
      taught += scan.teach(1, signature, PS_FAMILY_V4, source);
    }
    EXPECT_EQ(taught, 1024);
    scan.bring(table, 1);
    EXPECT_EQ(table.size(), 1024u * static_cast<unsigned>(round));
  }
}

}  // namespace
}  // namespace postern::dpdk
