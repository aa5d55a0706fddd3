// SPDX-License-Identifier: BSD-3-Clause
//
// Files that the parent gives its workers: whole, with their errors, and never half of a package.
#include "control/process/given_files.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <stdexcept>
#include <string>

#include "rules/text/diagnostic.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::process {
namespace {

std::string error_of(const GivenFiles& files, const std::string& path) {
  try {
    files.text(path);
  } catch (const BadInput& error) {
    return error.what();
  }
  return "none";
}

TEST(GivenFiles, ArePackedAndUnpackedWithTheirErrors) {
  const test::TemporaryDirectory directory;
  const std::string odd("a\0b\n\xff", 5);
  const std::string large(300'000, 'x');
  directory.write("odd", odd);
  directory.write("large", large);
  directory.write("empty", "");
  const auto missing = directory.path("missing");
  const auto files = GivenFiles::read(
      {directory.path("odd"), directory.path("large"), directory.path("empty"), missing});
  const auto packed = files.pack();
  const auto unpacked = GivenFiles::unpack(packed.get());
  EXPECT_EQ(unpacked.text(directory.path("odd")), odd);
  EXPECT_EQ(unpacked.text(directory.path("large")), large);
  EXPECT_EQ(unpacked.text(directory.path("empty")), "");
  EXPECT_EQ(error_of(unpacked, missing), missing + ": cannot be read: No such file or directory");
  EXPECT_THROW(unpacked.text("what was never asked for"), BadInput);
}

TEST(GivenFiles, WhatCannotBeReadAnewStaysAsItWas) {
  const test::TemporaryDirectory directory;
  directory.write("one", "1");
  directory.write("two", "2");
  const std::vector<std::string> paths = {directory.path("one"), directory.path("two")};
  auto files = GivenFiles::read(paths);
  directory.write("one", "new");
  ::unlink(paths[1].c_str());
  files.update(GivenFiles::read(paths));
  EXPECT_EQ(files.text(paths[0]), "new");
  EXPECT_EQ(files.text(paths[1]), "2");
}

TEST(GivenFiles, APackageThatIsCutOffIsRefused) {
  const test::TemporaryDirectory directory;
  directory.write("file", "text");
  const auto files = GivenFiles::read({directory.path("file")});
  const auto packed = files.pack();
  const off_t size = ::lseek(packed.get(), 0, SEEK_END);
  for (off_t length = 1; length < size; length++) {
    ASSERT_EQ(::ftruncate(packed.get(), length), 0);
    EXPECT_THROW(GivenFiles::unpack(packed.get()), std::runtime_error) << length;
    ASSERT_EQ(::ftruncate(packed.get(), 0), 0);
    ASSERT_EQ(::lseek(packed.get(), 0, SEEK_SET), 0);
    const auto again = files.pack();
    std::string all(static_cast<size_t>(size), '\0');
    ASSERT_EQ(::pread(again.get(), all.data(), all.size(), 0), size);
    ASSERT_EQ(::write(packed.get(), all.data(), all.size()), size);
  }
}

}  // namespace
}  // namespace postern::process
