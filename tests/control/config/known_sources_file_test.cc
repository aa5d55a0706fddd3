// SPDX-License-Identifier: BSD-3-Clause
//
// The file of known sources: written where something changed, read back, and never in the way.
#include "control/config/known_sources_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>
#include <string>

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

}  // namespace
}  // namespace postern::config
