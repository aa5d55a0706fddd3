// SPDX-License-Identifier: BSD-3-Clause
//
// What of an interface's features changes frames, and what is said where it cannot be turned off.
// On a real interface: tests/e2e/wire_test.py.
#include "dataplane/engine/true_frames.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace postern {
namespace {

using Names = std::vector<std::string>;

const std::vector<InterfaceFeature> kUsual = {
    {"tx-checksum-ipv4", true, true}, {"rx-vlan-hw-parse", true, true},
    {"rx-vlan-filter", true, true},   {"rx-gro", true, true},
    {"rx-lro", false, false},         {"rx-gro-hw", true, true},
    {"rx-checksum", true, true}};

TEST(TrueFrames, InTheDriverGroHasNotBeenYet) {
  EXPECT_EQ(frame_changers("eth1", kUsual, ReadAt::kDriver),
            (Names{"rx-vlan-hw-parse", "rx-gro-hw"}));
  EXPECT_EQ(frame_changers("eth1", kUsual, ReadAt::kStack),
            (Names{"rx-vlan-hw-parse", "rx-gro", "rx-gro-hw"}));
  EXPECT_EQ(frame_changers("eth1", kUsual, ReadAt::kOwnStack), (Names{"rx-vlan-hw-parse"}));
  EXPECT_TRUE(frame_changers("eth1", {}, ReadAt::kStack).empty());
}

TEST(TrueFrames, WhatCannotBeTurnedOffIsRefusedByName) {
  auto features = kUsual;
  features[4].on = true;
  try {
    frame_changers("eth1", features, ReadAt::kDriver);
    FAIL() << "not refused";
  } catch (const std::runtime_error& refused) {
    const std::string line = refused.what();
    EXPECT_TRUE(line.starts_with("eth1 ")) << line;
    EXPECT_NE(line.find("`ethtool -K eth1 lro off`"), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
  // As virtio's rx-gro-hw often is: no matter in front of this host's own stack.
  EXPECT_EQ(frame_changers("eth1", features, ReadAt::kOwnStack), (Names{"rx-vlan-hw-parse"}));
}

TEST(TrueFrames, LoopbackIsAskedAndHasNoSuchThing) {
  const KernelInterface loopback("lo");
  EXPECT_GT(loopback.mtu(), 1500u);
  const auto features = loopback.features();
  EXPECT_FALSE(features.empty());
  EXPECT_TRUE(frame_changers("lo", features, ReadAt::kDriver).empty());
}

TEST(TrueFrames, AnInterfaceThatIsNotThereIsOneLine) {
  EXPECT_THROW(TrueFrames(KernelInterface("postern-none"), ReadAt::kDriver), std::runtime_error);
}

}  // namespace
}  // namespace postern
