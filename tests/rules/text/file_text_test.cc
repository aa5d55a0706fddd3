// SPDX-License-Identifier: BSD-3-Clause
//
// Reading whole files, and refusing what cannot be read.
#include "rules/text/file_text.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "rules/text/diagnostic.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using test::complaint_of;

TEST(FileText, ReadsAllOfItAndItsTime) {
  const test::TemporaryDirectory directory;
  const std::string text = "a\n" + std::string(100000, '\0') + "b";
  const auto path = directory.write("list", text);
  const timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 12345, .tv_nsec = 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  const auto file = read_file_text(path, 1 << 20);
  EXPECT_EQ(file.text, text);
  EXPECT_EQ(file.modified_at, 12345);
}

TEST(FileText, ReadsWhatHasNoSize) {
  EXPECT_FALSE(read_file_text("/proc/self/status", 1 << 20).text.empty());
}

TEST(FileText, RefusesWithThePath) {
  const test::TemporaryDirectory directory;
  const auto missing = directory.path("missing");
  EXPECT_EQ(complaint_of([&] { read_file_text(missing, 10); }),
            missing + ": cannot be read: No such file or directory");
  EXPECT_NE(complaint_of([&] { read_file_text(directory.path(""), 10); }).find("Is a directory"),
            std::string::npos);
  const auto big = directory.write("big", "12345678901");
  EXPECT_EQ(complaint_of([&] { read_file_text(big, 10); }),
            big + ": is too big: at most 10 bytes are read");
  EXPECT_NE(complaint_of([&] { read_file_text("/proc/self/status", 10); }).find("too big"),
            std::string::npos);
}

}  // namespace
}  // namespace postern
