// SPDX-License-Identifier: BSD-3-Clause
//
// Writing a snapshot: whole or not at all, and nothing left behind.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "rules/compile/compile.h"
#include "rules/text/file_text.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::test {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::ranges::transform(text, bytes.begin(), [](char c) { return static_cast<std::byte>(c); });
  return bytes;
}

size_t files_in(const TemporaryDirectory& directory) {
  return static_cast<size_t>(
      std::ranges::distance(std::filesystem::directory_iterator(directory.path("")),
                            std::filesystem::directory_iterator()));
}

TEST(WriteSnapshot, ReplacesTheFileByAnotherOne) {
  const TemporaryDirectory directory;
  const auto path = directory.write("site.snapshot", "old");
  struct stat before, after;
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  write_snapshot(path, bytes_of("new"));
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_EQ(read_file_text(path, 100).text, "new");
  EXPECT_EQ(after.st_mode & 0777, 0644u);
  EXPECT_NE(before.st_ino, after.st_ino);  // who has the old one mapped keeps it as it is
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(WriteSnapshot, NeverReplacesWhatIsNoFile) {
  const TemporaryDirectory directory;
  const auto pipe = directory.path("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THROW(write_snapshot(pipe, bytes_of("new")), std::system_error);
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(files_in(directory), 1u);
}

TEST(WriteSnapshot, ReplacesWhatALinkNames) {
  const TemporaryDirectory directory;
  const auto file = directory.write("site.snapshot", "old");
  const auto link = directory.path("current");
  std::filesystem::create_symlink("site.snapshot", link);
  write_snapshot(link, bytes_of("new"));
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(read_file_text(file, 100).text, "new");
}

TEST(WriteSnapshot, LeavesNothingBehindWhenItFails) {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory.path("site.snapshot/in the way"));
  EXPECT_THROW(write_snapshot(directory.path("site.snapshot"), bytes_of("new")), std::system_error);
  EXPECT_EQ(files_in(directory), 1u);
  EXPECT_THROW(write_snapshot(directory.path("missing/site.snapshot"), bytes_of("new")),
               std::system_error);
}

}  // namespace
}  // namespace postern::test
