// SPDX-License-Identifier: BSD-3-Clause
//
// The file of known sources: written where something changed, read back, and never in the way.
#include "control/config/known_sources_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "control/listen/descriptor.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::config {
namespace {

Prefix source() {
  return *Prefix::parse("192.0.2.1/32", Prefix::HostBits::kRefuse);
}
const listen::Steering& alone() {
  static const listen::Steering one(1, 0, listen::Steering::By::kSource);
  return one;
}
std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(KnownSourcesFile, IsWrittenAndReadBack) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path("known");
  policy::KnownSources before({});
  KnownSourcesFile file(path, before, alone(), 0);
  file.read(1000);  // there is none yet
  before.remember(source(), 1000);
  EXPECT_TRUE(file.write());
  EXPECT_EQ(content(path), "192.0.2.1/32 605800\n");
  // Nothing has changed: whatever stands there stays.
  std::ofstream(path) << "other\n";
  EXPECT_TRUE(file.write());
  EXPECT_EQ(content(path), "other\n");
  before.remember(source(), 100'000);
  EXPECT_TRUE(file.write());
  policy::KnownSources after({});
  KnownSourcesFile(path, after, alone(), 0).read(200'000);
  EXPECT_TRUE(after.knows(source(), 200'000));
}

TEST(KnownSourcesFile, WhatCannotBeReadOrWrittenIsNobodysTrouble) {
  const test::TemporaryDirectory directory;
  policy::KnownSources sources({});
  KnownSourcesFile file(directory.path("no/such/folder/known"), sources, alone(), 0);
  file.read(1000);
  sources.remember(source(), 1000);
  EXPECT_FALSE(file.write());
  ::mkdir(directory.path("no").c_str(), 0700);
  ::mkdir(directory.path("no/such").c_str(), 0700);
  ::mkdir(directory.path("no/such/folder").c_str(), 0700);
  EXPECT_TRUE(file.write()) << "what could not be written is written later";
  EXPECT_EQ(content(directory.path("no/such/folder/known")), sources.text());
}

// It is stopped, or its disk is slow: a loop that serves mail does not wait for it.
TEST(KnownSourcesFile, WhoHasTheLockIsNotWaitedFor) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path("known");
  const listen::Steering two(2, 7, listen::Steering::By::kChance);
  policy::KnownSources sources({});
  KnownSourcesFile file(path, sources, two, 0);
  sources.remember(source(), 1000);
  const listen::Descriptor other(::open((path + ".lock").c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(::flock(other.get(), LOCK_EX), 0);
  EXPECT_FALSE(file.write());
  EXPECT_FALSE(file.write(std::chrono::milliseconds{20}));
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_EQ(::flock(other.get(), LOCK_UN), 0);
  EXPECT_TRUE(file.write()) << "what could not be written is written later";
  EXPECT_EQ(content(path), sources.text());
}

TEST(KnownSourcesFile, WorkersShareOneFile) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path("known");
  const auto source_of = [](uint32_t number) {
    return *Prefix::make(IpAddress::v4(0x0a000001 + (number << 8)), 32, Prefix::HostBits::kRefuse);
  };
  constexpr uint32_t kSources = 100;
  const int64_t now = std::time(nullptr);
  for (const size_t workers : {3, 2}) {
    const listen::Steering steering(workers, 7, listen::Steering::By::kSource);
    std::vector<std::unique_ptr<policy::KnownSources>> known;
    size_t shared_out = 0;
    for (size_t worker = 0; worker < workers; worker++) {
      known.push_back(std::make_unique<policy::KnownSources>(policy::KnownSources::Options{}));
      KnownSourcesFile(path, *known.back(), steering, worker).read(now);
      shared_out += known.back()->size();
    }
    EXPECT_EQ(shared_out, workers == 3 ? 0 : kSources) << "each knows its own";
    for (size_t worker = 0; worker < workers; worker++) {
      KnownSourcesFile file(path, *known[worker], steering, worker);
      for (uint32_t number = 0; number < kSources; number++) {
        const Prefix source = source_of(number);
        if (!steering.may_meet(source.first(), worker)) continue;
        if (workers == 3)
          known[worker]->remember(source, now);
        else if (number % 2 == 0)
          known[worker]->forget(source);
      }
      EXPECT_TRUE(file.write());
    }
  }
  policy::KnownSources all({});
  KnownSourcesFile(path, all, alone(), 0).read(now);
  EXPECT_EQ(all.size(), kSources / 2);
  for (uint32_t number = 0; number < kSources; number++)
    EXPECT_EQ(all.knows(source_of(number), now), number % 2 == 1) << number;
}

TEST(KnownSourcesFile, BehindLoadBalancersNobodysLinesAreLost) {
  const test::TemporaryDirectory directory;
  const auto path = directory.path("known");
  const listen::Steering steering(2, 7, listen::Steering::By::kChance);
  const int64_t now = std::time(nullptr);
  std::ofstream(path) << "192.0.2.9/32 5\n"
                      << "192.0.2.8/32 " << now + 1000 << '\n';
  for (size_t worker = 0; worker < 2; worker++) {
    policy::KnownSources known({});
    KnownSourcesFile file(path, known, steering, worker);
    known.remember(*Prefix::make(IpAddress::v4(0xc0000201 + static_cast<uint32_t>(worker)), 32,
                                 Prefix::HostBits::kRefuse),
                   now);
    EXPECT_TRUE(file.write());
  }
  policy::KnownSources all({});
  KnownSourcesFile(path, all, alone(), 0).read(now);
  EXPECT_EQ(all.size(), 3u) << content(path);
}

}  // namespace
}  // namespace postern::config
