// SPDX-License-Identifier: BSD-3-Clause
//
// The loaded program's maps, as the loader sees them.
#include "xdp/loader/program.h"

#include <gtest/gtest.h>

#include <span>
#include <stdexcept>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "tests/xdp/bpf/xdp_judge.h"

namespace postern::xdp {
namespace {

class ProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = packets::why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
  }
};

TEST_F(ProgramTest, DynamicEntriesAreRoundedUpToWholeBuckets) {
  EXPECT_EQ(Program(1).dynamic_memory().size(), 1u + 1);
  EXPECT_EQ(Program(2).dynamic_memory().size(), 1u + 1);
  EXPECT_EQ(Program(3).dynamic_memory().size(), 1u + 2);
  EXPECT_EQ(Program(33).dynamic_memory().size(), 1u + 32);
  EXPECT_EQ(Program().dynamic_memory().size(), 1u + 32768);
}

TEST_F(ProgramTest, StartsWithEmptyCounters) {
  const auto counters = Program(8).counters();
  for (const auto& port : counters.packets)
    for (const auto count : port) EXPECT_EQ(count, 0u);
}

TEST_F(ProgramTest, RefusesAnImageThatIsNotWhole) {
  Program program(8);
  const std::vector<std::byte> bytes(PS_CHUNK_BYTES + 64);
  EXPECT_THROW(program.load_image({}), std::runtime_error);
  EXPECT_THROW(program.load_image(bytes), std::runtime_error);
  EXPECT_NO_THROW(program.load_image(std::span(bytes).first(PS_CHUNK_BYTES)));
}

TEST_F(ProgramTest, RedirectsBetweenItsPortsOnly) {
  Program program(8);
  EXPECT_NO_THROW(program.set_ports(PS_TOPOLOGY_WIRE, 1, 1));
  EXPECT_THROW(program.set_ports(PS_TOPOLOGY_WIRE, 1, 0x7ffffff0), std::runtime_error);
}

}  // namespace
}  // namespace postern::xdp
