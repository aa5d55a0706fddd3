// SPDX-License-Identifier: BSD-3-Clause
//
// What a program leaves pinned is found and used on by the next; whatever else lies there is not.
// In a bpffs of the test's own, mounted in a mount namespace of its own.
#include "xdp/loader/former_tables.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "dataplane/engine/dynamic_table.h"
#include "tests/xdp/bpf/xdp_judge.h"
#include "tests/xdp/loader/own_mounts.h"
#include "xdp/loader/program.h"

namespace postern::xdp {
namespace {

constexpr auto kWhole = Program::Frames::kWhole;
constexpr uint64_t kForever = ~0ull;

class FormerTablesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = packets::why_no_bpf(); !why.empty()) GTEST_SKIP() << why;
    if (const auto why = why_no_own_mounts(); !why.empty()) GTEST_SKIP() << why;
    path_ = ::testing::TempDir() + "postern-former-" + std::to_string(getpid());
    pins_ = std::make_unique<PinDirectory>(path_);
  }
  void TearDown() override {
    pins_.reset();
    if (path_.empty()) return;
    umount2(path_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(path_);
  }
  // What an engine pins, with one entry; the process that wrote it is "dead" from here on.
  void leave(const Program& program) {
    DynamicTable(program.dynamic_memory()).add({prefix_, Action::DROP, "text", kForever}, 1);
    for (const auto& map : program.maps()) pins_->pin(map.name, map.fd);
  }
  // The one line that says why the only table that was pinned is not used.
  std::string refusal(const char* name, int fd) {
    pins_->clear();
    pins_->pin(name, fd);
    const auto found = FormerTables::of(*pins_);
    EXPECT_FALSE(found.dynamic || found.limits);
    if (found.refused.size() != 1) return std::to_string(found.refused.size()) + " refusals";
    EXPECT_EQ(found.refused[0].table, name);
    return found.refused[0].why;
  }

  const Prefix prefix_ = Prefix::parse("203.0.113.7/32", Prefix::HostBits::kRefuse).value();
  std::string path_;
  std::unique_ptr<PinDirectory> pins_;
};

TEST_F(FormerTablesTest, NothingIsFoundWhereNothingIs) {
  const auto found = FormerTables::of(*pins_);
  EXPECT_FALSE(found.dynamic || found.limits);
  EXPECT_TRUE(found.refused.empty());
}

TEST_F(FormerTablesTest, TablesOfTheSameSizeAreShared) {
  Program first(64, 64);
  leave(first);
  first.limit_memory()[3].slots[1] = {7, kForever};
  const Program second(64, 64, kWhole, 1, FormerTables::of(*pins_));
  // The same memory, so what one is told is true for both.
  second.dynamic_memory()[2].entries[0].high = 77;
  EXPECT_EQ(first.dynamic_memory()[2].entries[0].high, 77u);
  first.dynamic_memory()[2].entries[0].high = 0;
  EXPECT_EQ(second.limit_memory()[3].slots[1].key, 7u);
  EXPECT_EQ(std::memcmp(first.limit_memory().data(), second.limit_memory().data(),
                        sizeof(ps_limit_header)),
            0);
}

TEST_F(FormerTablesTest, OfAnotherSizeEachIsByItself) {
  Program first(64, 64);
  leave(first);
  first.limit_memory()[3].slots[1] = {7, kForever};
  const auto former = FormerTables::of(*pins_);
  ASSERT_TRUE(former.dynamic && former.limits);
  EXPECT_EQ(former.dynamic->buckets().size(), first.dynamic_memory().size());
  const Program more_entries(128, 64, kWhole, 1, former);
  EXPECT_EQ(more_entries.dynamic_memory().size(), 1u + 64);
  EXPECT_FALSE(DynamicTable::is_table(more_entries.dynamic_memory()));
  EXPECT_EQ(more_entries.limit_memory()[3].slots[1].key, 7u);
  const Program more_sources(64, 128, kWhole, 1, former);
  EXPECT_TRUE(DynamicTable::is_table(more_sources.dynamic_memory()));
  EXPECT_EQ(more_sources.limit_memory().size(), 1u + 16);
  EXPECT_EQ(more_sources.limit_memory()[3].slots[1].key, 0u);
}

TEST_F(FormerTablesTest, WhatIsNoTableOfOursIsRefused) {
  const std::string kOther = "it is not a map of its kind";
  const std::string kLayout = "it is damaged, or of another version's layout";
  Program program(64, 64);
  leave(program);
  const auto fd_of = [&](size_t map) { return program.maps().at(map).fd; };
  for (const auto* name : {"dynamic", "limits"}) {
    EXPECT_EQ(refusal(name, program.fd()), kOther);
    EXPECT_EQ(refusal(name, fd_of(0)), kOther);  // the rules
    EXPECT_EQ(refusal(name, fd_of(3)), kOther);  // the counters
  }
  EXPECT_EQ(refusal("dynamic", fd_of(2)), kOther);
  EXPECT_EQ(refusal("limits", fd_of(1)), kOther);

  reinterpret_cast<ps_dynamic_header*>(program.dynamic_memory().data())->layout++;
  EXPECT_EQ(refusal("dynamic", fd_of(1)), kLayout);
  reinterpret_cast<ps_limit_header*>(program.limit_memory().data())->in_use--;
  EXPECT_EQ(refusal("limits", fd_of(2)), kLayout);

  LIBBPF_OPTS(bpf_map_create_opts, options);
  const auto array = [&](uint32_t elements) {
    return FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, "other", sizeof(uint32_t),
                                         sizeof(ps_dynamic_bucket), elements, &options));
  };
  EXPECT_EQ(refusal("dynamic", array(9).get()), kOther);  // which nobody can map
  options.map_flags = BPF_F_MMAPABLE;
  EXPECT_EQ(refusal("dynamic", array(9).get()), kLayout);
  EXPECT_EQ(refusal("dynamic", array(1).get()), kLayout);
  const auto frozen = array(9);
  ASSERT_EQ(bpf_map_freeze(frozen.get()), 0);
  EXPECT_EQ(refusal("dynamic", frozen.get()).find("cannot map a BPF map into memory"), 0u);
}

}  // namespace
}  // namespace postern::xdp
