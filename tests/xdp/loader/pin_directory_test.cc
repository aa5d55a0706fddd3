// SPDX-License-Identifier: BSD-3-Clause
//
// Pins come, go and are replaced, and one directory serves one engine. In a bpffs of the test's
// own, mounted in a mount namespace of its own.
#include "xdp/loader/pin_directory.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>

#include "tests/xdp/bpf/xdp_judge.h"
#include "tests/xdp/loader/own_mounts.h"

namespace postern::xdp {
namespace {

class PinDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = packets::why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
    if (const auto why = why_no_own_mounts(); !why.empty()) GTEST_SKIP() << why;
    path_ = ::testing::TempDir() + "postern-pins-" + std::to_string(getpid());
  }
  void TearDown() override {
    if (path_.empty()) return;
    umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(path_);
  }
  std::string path_;
};

TEST_F(PinDirectoryTest, MountsPinsReplacesAndForgets) {
  Program one(8), other(64);
  auto directory = std::make_unique<PinDirectory>(path_);
  auto& pins = *directory;
  EXPECT_TRUE(pins.names().empty());
  pins.pin("dynamic", one.maps()[1].fd);
  pins.pin("dynamic", other.maps()[1].fd);
  pins.pin("rules", one.maps()[0].fd);
  // Left by one that died in the middle of it.
  pins.pin("limits-new", one.maps()[1].fd);
  pins.pin("limits", one.maps()[2].fd);
  pins.unpin("limits");
  auto names = pins.names();
  std::ranges::sort(names);
  EXPECT_EQ(names, (std::vector<std::string>{"dynamic", "rules"}));
  EXPECT_TRUE(pins.open("dynamic"));
  EXPECT_FALSE(pins.open("counters"));
  pins.unpin("dynamic");
  EXPECT_FALSE(pins.open("dynamic"));
  pins.clear();
  EXPECT_TRUE(pins.names().empty());
  directory.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PinDirectoryTest, ServesOneEngineAtATime) {
  auto first = std::make_unique<PinDirectory>(path_);
  try {
    PinDirectory second(path_);
    FAIL() << "two engines share " << path_;
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(path_), std::string::npos);
  }
  first.reset();
  EXPECT_NO_THROW(PinDirectory{path_});
}

}  // namespace
}  // namespace postern::xdp
