// SPDX-License-Identifier: BSD-3-Clause
//
// Settings of what is learned of sources, and of the engines that are told.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/control/config/given_options.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::config::test {
namespace {

using std::chrono::milliseconds;

TEST(ControlOptions, AnEngineOverTlsNeedsItsFiles) {
  const auto told = complaint(with({"--engine", "https://192.0.2.1:8443", "--engine-cert", "a"}));
  EXPECT_NE(told.find("needs engine-cert, engine-key and engine-ca"), std::string::npos) << told;
  const auto read = options(with({"--engine", "https://192.0.2.1:8443", "--engine-cert", "a",
                                  "--engine-key", "b", "--engine-ca", "c"}));
  EXPECT_EQ(read.learning.teacher.credentials.certificate, "a");
  EXPECT_EQ(read.learning.teacher.credentials.key, "b");
  EXPECT_EQ(read.learning.teacher.credentials.authority, "c");
}

TEST(ControlOptions, WhatIsLearned) {
  const auto plain = options(with({}));
  EXPECT_EQ(plain.learning.file, "");
  EXPECT_EQ(plain.learning.gate.v4_length, 32);
  EXPECT_EQ(plain.learning.gate.v6_length, 64);
  EXPECT_EQ(plain.evidence.threshold, 3u);
  EXPECT_EQ(plain.evidence.half_life, 600);
  EXPECT_EQ(plain.evidence.weights, (std::array<uint32_t, learning::kOffences>{1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(plain.learning.gate.trust.trust_for, 7 * 86400);
  EXPECT_EQ(options(with({"--learned", ":memory:"})).learning.file, "");
  const auto read = options(with({"--learned",          "l.db",
                                  "--learned-entries",  "77",
                                  "--learn-prefix",     "/24",
                                  "--learn-prefix",     "/56",
                                  "--learn-threshold",  "5",
                                  "--learn-weight",     "spamtrap=4",
                                  "--learn-weight",     "errors=0",
                                  "--spamtraps",        "t",
                                  "--trust-for",        "1d",
                                  "--trust-reputation", "0.75",
                                  "--load-balancer",    "198.51.100.0/28"}));
  EXPECT_EQ(read.learning.file, "l.db");
  EXPECT_EQ(read.learning.gate.capacity, 77u);
  EXPECT_EQ(read.learning.gate.v4_length, 24);
  EXPECT_EQ(read.learning.gate.v6_length, 56);
  EXPECT_EQ(read.evidence.weights, (std::array<uint32_t, learning::kOffences>{1, 1, 1, 0, 1, 4}));
  EXPECT_EQ(read.spamtraps, "t");
  EXPECT_EQ(read.learning.gate.trust.trust_for, 86400);
  EXPECT_EQ(read.learning.gate.trust.least_reputation, 0.75);
  ASSERT_EQ(read.learning.gate.never.size(), 1u);
  EXPECT_EQ(read.learning.gate.never[0].to_string(), "198.51.100.0/28");
}

// Whatever is written there, it takes two offences.
TEST(ControlOptions, NoSingleOffenceCanBeMadeEnough) {
  const auto told = [&](const std::vector<std::string>& more) { return complaint(with(more)); };
  EXPECT_NE(told({"--learn-threshold", "1"}).find("from 2 to 1000"), std::string::npos);
  EXPECT_NE(told({"--harvest-threshold", "1"}).find("from 2 to 1000"), std::string::npos);
  for (size_t kind = 0; kind < learning::kOffences; kind++) {
    const std::string name(learning::word(static_cast<learning::Offence>(kind)));
    EXPECT_EQ(told({"--learn-weight", name + "=2"}), "") << name;
    EXPECT_NE(
        told({"--learn-weight", name + "=3"}).find("would let a single offence make an entry"),
        std::string::npos)
        << told({"--learn-weight", name + "=3"});
    EXPECT_NE(
        told({"--learn-threshold", "2", "--learn-weight", name + "=2"}).find("single offence"),
        std::string::npos);
  }
  for (const char* bad :
       {"spamtrap", "spamtrap=", "=1", "trap=1", "spamtrap=-1", "spamtrap=1x", ""})
    EXPECT_NE(told({"--learn-weight", bad}).find("KIND=N"), std::string::npos) << bad;
  for (const char* bad : {"/23", "24", "/0", "/128", "/16", ""})
    EXPECT_NE(told({"--learn-prefix", bad}).find("/32 or /24"), std::string::npos) << bad;
  for (const char* bad : {"0.5", "1.1", "x", "0.9x", "nan", "-1"})
    EXPECT_NE(told({"--trust-reputation", bad}).find("above 0.5"), std::string::npos) << bad;
  const postern::test::TemporaryDirectory directory;
  const auto file =
      directory.write("control.conf", "farm = a\nlearn-weight = errors=9\nsnapshot = s\n");
  EXPECT_TRUE(complaint({"--config", file}).starts_with(file + ":2:"));
}

}  // namespace
}  // namespace postern::config::test
