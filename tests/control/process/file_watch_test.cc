// SPDX-License-Identifier: BSD-3-Clause
//
// What counts as a change of a file: another one in its place, other bytes in it; not that it went.
#include "control/process/file_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/rules/support/temporary_directory.h"

namespace postern::process {
namespace {

TEST(FileWatch, SeesAReplacementAndAWriteOnce) {
  test::TemporaryDirectory directory;
  const auto path = directory.write("file", "one");
  FileWatch watch(path);
  EXPECT_FALSE(watch.changed());
  std::filesystem::rename(directory.write("other", "two"), path);  // of the same size
  EXPECT_TRUE(watch.changed());
  EXPECT_FALSE(watch.changed());
  directory.write("file", "three");
  EXPECT_TRUE(watch.changed());
  EXPECT_FALSE(watch.changed());
}

TEST(FileWatch, WhatIsGoneHasNotChangedAndWhatComesHas) {
  test::TemporaryDirectory directory;
  const auto path = directory.write("file", "one");
  FileWatch watch(path);
  std::filesystem::remove(path);
  EXPECT_FALSE(watch.changed());
  directory.write("file", "another");
  EXPECT_TRUE(watch.changed());
  FileWatch early(directory.path("not yet"));
  EXPECT_FALSE(early.changed());
  directory.write("not yet", "");
  EXPECT_TRUE(early.changed());
}

}  // namespace
}  // namespace postern::process
