// SPDX-License-Identifier: BSD-3-Clause
//
// Files that hold secrets: who may read them is looked at.
#include "rules/text/private_text.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "rules/text/diagnostic.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern {
namespace {

std::string read(const std::string& path) {
  try {
    return read_private_text(path, 100);
  } catch (const BadInput& error) {
    return error.diagnostics().at(0).message;
  }
}

TEST(PrivateText, OnlyItsOwnerAndItsGroupMayReadIt) {
  const test::TemporaryDirectory directory;
  const auto path = directory.write("secret", "the secret");
  for (const mode_t mode : {0400, 0600, 0440, 0640, 0700}) {
    ::chmod(path.c_str(), mode);
    EXPECT_EQ(read(path), "the secret") << mode;
  }
  for (const mode_t mode : {0604, 0602, 0601, 0660, 0620, 0644, 0666}) {
    ::chmod(path.c_str(), mode);
    EXPECT_TRUE(read(path).starts_with("holds a secret and has mode 0")) << mode;
  }
  ::chmod(path.c_str(), 0644);
  EXPECT_EQ(read(path), "holds a secret and has mode 0644; at most 0640 is right");
}

TEST(PrivateText, WhatCannotBeReadIsTold) {
  const test::TemporaryDirectory directory;
  EXPECT_EQ(read(directory.path("none")), "cannot be read: No such file or directory");
  const auto path = directory.write("secret", std::string(101, 'x'));
  ::chmod(path.c_str(), 0600);
  EXPECT_EQ(read(path), "is too big: at most 100 bytes are read");
}

}  // namespace
}  // namespace postern
