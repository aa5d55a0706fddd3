// SPDX-License-Identifier: BSD-3-Clause
//
// What samples say is behind a decision: of frames that the core has judged by compiled rules, from
// outside and from inside, by a rule and by a limit.
#include "dataplane/engine/sample_json.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <string>

#include "dataplane/core/sample.h"
#include "tests/packets/builder.h"
#include "tests/packets/world.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using namespace packets;  // NOLINT: the notation of frames

constexpr uint64_t kNow = 1'000'000'000;

constexpr const char* kPolicy = R"(
list residents "residents.txt"
list guests    "guests.txt"
list bad       "bad.txt"  category bad
service mx 198.51.100.0/24
connection to mx
    limit list bad 1/minute burst 1 else refuse
    limit any 1/minute burst 1 else reset
    observe limit list guests 1/minute burst 1 else drop
    reset any
connection from list residents
    drop list bad
    limit any 1/minute burst 1 else drop
connection from list guests
    drop list bad
    limit any 1/minute burst 1 else drop
)";

class SampleJsonTest : public testing::Test {
 protected:
  SampleJsonTest() {
    shop_.list("residents.txt", "198.51.100.0/28\n");
    shop_.list("guests.txt", "198.51.100.16/28\n");
    shop_.list("bad.txt", "# bad\n203.0.113.0/24\n");
    rules_ = shop_.snapshot(kPolicy);
  }

  // The sample of a frame that the core judges now.
  boost::json::object sample(ps_port port, const Bytes& frame) {
    auto image = rules_->image();
    const ps_tables tables{{nullptr, 0, nullptr}, limits_.table(), &cookies_};
    ps_packet packet;
    const auto decision =
        ps_judge(&image, &tables, port, frame.data(), frame.data() + frame.size(), kNow, &packet);
    return words_.of({1, 0, ps_sample_of(&decision, port, 1, kNow), frame, rules_});
  }
  // "reason: rule (line); of list, …"
  std::string told(ps_port port, const Bytes& frame) {
    const auto object = sample(port, frame);
    std::string text(object.at("reason").as_string());
    if (const auto* rule = object.at("rule").if_object())
      text += ": " + std::string(rule->at("rule").as_string()) + " (" +
              boost::json::serialize(rule->at("line")) + ")";
    for (const auto& list : object.at("lists").as_array())
      text += "; " + std::string(list.at("of").as_string()) + " " +
              std::string(list.at("list").as_string()) + ":" +
              boost::json::serialize(list.at("line"));
    return text;
  }
  static Bytes attempt(const char* source, const char* destination) {
    return Ethernet{} / Ipv4{.source = source, .destination = destination} / Tcp{};
  }

  test::Workshop shop_;
  std::shared_ptr<const Snapshot> rules_;
  WorldLimits limits_;
  const ps_cookie_keys cookies_{.keys = {}, .epoch = 0, .accepted = 1};
  SampleJson words_{SamplesRequest::Bytes::kNone, 0, 1'700'000'000};
};

TEST_F(SampleJsonTest, WhatALimitStoppedNamesTheLimit) {
  const auto frame = attempt("192.0.2.1", "198.51.100.25");
  EXPECT_EQ(told(PS_PORT_WAN, frame), "rule-reset: reset any (10)");
  EXPECT_EQ(told(PS_PORT_WAN, frame), "limit-reset: limit any 1/minute burst 1 else reset (8)");
  const auto listed = attempt("203.0.113.1", "198.51.100.25");
  EXPECT_EQ(told(PS_PORT_WAN, listed), "rule-reset: reset any (10); source bad:2");
  EXPECT_EQ(told(PS_PORT_WAN, listed),
            "limit-refuse: limit list bad 1/minute burst 1 else refuse (7); source bad:2");
}

// Neither may be answered: it was the rule's reset the first time, and the limit's the second.
TEST_F(SampleJsonTest, WhatIsNeverAnsweredNamesWhatDecided) {
  const auto frame = attempt("127.0.0.1", "198.51.100.25");
  EXPECT_EQ(told(PS_PORT_WAN, frame), "never-answered: reset any (10)");
  EXPECT_EQ(told(PS_PORT_WAN, frame), "never-answered: limit any 1/minute burst 1 else reset (8)");
}

// Of a refused session: what is answered, what needs no answer, and what gets none.
TEST_F(SampleJsonTest, WhatARefusedSessionSaysNamesWhatRefusesIt) {
  rules_ = shop_.snapshot(
      "list bad \"bad.txt\"\nservice mx 198.51.100.0/24\nconnection to mx\n"
      "  limit any 1/minute burst 1 else refuse\n  refuse list bad\n");
  const auto told_of = [&](const char* source, uint8_t flags, uint32_t said, bool to_all = false) {
    const auto attempt_frame = attempt(source, "198.51.100.25");
    ps_packet packet;
    ps_parse(attempt_frame.data(), attempt_frame.data() + attempt_frame.size(), &packet);
    Ethernet link{};
    if (to_all) link.destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const Bytes frame =
        link / Ipv4{.source = source, .destination = "198.51.100.25"} /
        Tcp{.flags = flags, .acknowledgement = ps_cookie_make(&cookies_, &packet) + 1 + said};
    return told(PS_PORT_WAN, frame);
  };
  const std::string by_rule = ": refuse list bad (5); source bad:2";
  EXPECT_EQ(told_of("203.0.113.1", kAck, 0), "refusal-greeting" + by_rule);
  EXPECT_EQ(told_of("203.0.113.1", kAck, 37), "refusal-quiet" + by_rule);
  EXPECT_EQ(told_of("203.0.113.1", kRst | kAck, 37), "refusal-quiet" + by_rule);
  EXPECT_EQ(told_of("203.0.113.1", kFin | kAck, 37, true), "never-answered" + by_rule);
  const std::string by_limit = ": limit any 1/minute burst 1 else refuse (4)";
  EXPECT_EQ(told_of("192.0.2.1", kFin | kAck, 37), "refusal-end" + by_limit);
  EXPECT_EQ(told_of("192.0.2.1", kAck, 37), "refusal-quiet" + by_limit);
  EXPECT_EQ(told_of("192.0.2.1", kFin | kAck, 37, true), "never-answered" + by_limit);
}

TEST_F(SampleJsonTest, OutboundNamesTheSendersBlockAndBothLists) {
  EXPECT_EQ(told(PS_PORT_MX, attempt("198.51.100.1", "203.0.113.1")),
            "rule-drop: drop list bad (12); source residents:1; destination bad:2");
  // The same rules in another block, which share a row of the matrix.
  EXPECT_EQ(told(PS_PORT_MX, attempt("198.51.100.17", "203.0.113.1")),
            "rule-drop: drop list bad (15); source guests:1; destination bad:2");
}

TEST_F(SampleJsonTest, OutboundLimitsToo) {
  const auto frame = attempt("198.51.100.17", "192.0.2.1");
  EXPECT_EQ(told(PS_PORT_MX, frame), "no-rule; source guests:1");
  EXPECT_EQ(told(PS_PORT_MX, frame),
            "limit-drop: limit any 1/minute burst 1 else drop (16); source guests:1");
  EXPECT_EQ(told(PS_PORT_MX, attempt("198.51.100.99", "203.0.113.1")),
            "from-inside; destination bad:2");
}

// What passes, as its limit is only observed, is not the limit's.
TEST_F(SampleJsonTest, AnObservedLimitDecidesNothing) {
  rules_ = shop_.snapshot(
      "list bad \"bad.txt\"\nservice mx 198.51.100.0/24\nconnection to mx\n"
      "  observe limit any 1/minute burst 1 else drop\n  drop list bad\n");
  for (int i = 0; i < 2; i++) {
    EXPECT_EQ(told(PS_PORT_WAN, attempt("192.0.2.1", "198.51.100.25")), "no-rule");
    EXPECT_EQ(told(PS_PORT_WAN, attempt("203.0.113.1", "198.51.100.25")),
              "rule-drop: drop list bad (5); source bad:2");
  }
}

TEST_F(SampleJsonTest, RulesThatAreGoneSayNothing) {
  const auto frame = attempt("203.0.113.1", "198.51.100.25");
  FeedSample sample{1, 0, {}, frame, std::weak_ptr<const Snapshot>()};
  const auto object = words_.of(sample);
  EXPECT_TRUE(object.at("rule").is_null());
  EXPECT_TRUE(object.at("lists").is_null());
}

}  // namespace
}  // namespace postern
