// SPDX-License-Identifier: BSD-3-Clause
//
// Lists as they are published, where POSTERN_DATA names a directory that has them (rules/*.xz):
// they are recognised, and every line of them is understood.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>

#include "rules/text/file_text.h"
#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/temporary_directory.h"

extern char** environ;

namespace postern::test {
namespace {

// Runs `xz -dc FILE`, its output into `target`.
void decompress(const std::string& file, const std::string& target) {
  posix_spawn_file_actions_t actions;
  ASSERT_EQ(::posix_spawn_file_actions_init(&actions), 0);
  ASSERT_EQ(
      ::posix_spawn_file_actions_addopen(&actions, 1, target.c_str(), O_WRONLY | O_CREAT, 0600), 0);
  std::string program = "xz", option = "-dc", path = file;
  char* arguments[] = {program.data(), option.data(), path.data(), nullptr};
  pid_t child = 0;
  ASSERT_EQ(::posix_spawnp(&child, "xz", &actions, nullptr, arguments, environ), 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0) << "xz -dc " << file;
  ::posix_spawn_file_actions_destroy(&actions);
}

struct RealList {
  const char* file;
  const char* format;
  size_t at_least;
};

class RealLists : public testing::TestWithParam<RealList> {};

TEST_P(RealLists, AreUnderstood) {
  const char* data = std::getenv("POSTERN_DATA");
  if (!data) GTEST_SKIP() << "POSTERN_DATA is not set";
  const auto file = std::filesystem::path(data) / "rules" / (std::string(GetParam().file) + ".xz");
  if (!std::filesystem::exists(file)) GTEST_SKIP() << file << " is not there";

  const TemporaryDirectory directory;
  const auto path = directory.path(GetParam().file);
  ASSERT_NO_FATAL_FAILURE(decompress(file.string(), path));
  const auto text = read_file_text(path, size_t{1} << 30).text;
  const auto* format = recognise_list_format(text);
  ASSERT_NE(format, nullptr);
  EXPECT_EQ(format->name(), GetParam().format);

  const auto content = format->read(text, {.file = GetParam().file});
  EXPECT_GE(content.size(), GetParam().at_least);
  EXPECT_EQ(content.skipped_count, 0u)
      << (content.skipped.empty() ? "" : content.skipped.front().to_string());
}

INSTANTIATE_TEST_SUITE_P(Published, RealLists,
                         testing::Values(RealList{"bitwire-inbound.txt", "cidr", 100000},
                                         RealList{"romainmarcoux-full.txt", "cidr", 100000},
                                         RealList{"oxl-ip-dynamic.txt", "cidr", 50000},
                                         RealList{"oxl-net-dynamic.txt", "cidr", 50000},
                                         RealList{"oxl-net-hosting.txt", "cidr", 50000},
                                         RealList{"ipverse-allocations-v4.txt", "cidr", 50000},
                                         RealList{"ipverse-allocations-v6.txt", "cidr", 50000},
                                         RealList{"spamhaus-drop-v4.json", "drop", 1000}),
                         [](const auto& info) {
                           std::string name = info.param.file;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace postern::test
