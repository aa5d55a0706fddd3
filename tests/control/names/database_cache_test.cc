// SPDX-License-Identifier: BSD-3-Clause
//
// The files of a cache by themselves; pattern_database_test.cc damages them.
#include "control/names/database_cache.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace postern::names {
namespace {

namespace fs = std::filesystem;

TEST(DatabaseCache, Sha256) {
  // FIPS 180-2, appendix B.1.
  const auto digest = sha256("abc");
  EXPECT_EQ(DatabaseCache("d").path_of(digest),
            "d/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad.names");
}

TEST(DatabaseCache, GivesBackWhatWasStored) {
  std::string name = fs::temp_directory_path() / "postern-cache-XXXXXX";
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  DatabaseCache cache(name + "/made/when/needed");
  const auto key = sha256("a");
  EXPECT_EQ(cache.load(key), std::nullopt);
  EXPECT_EQ(cache.why(), "");
  const std::string bytes("any\0bytes", 9);
  ASSERT_TRUE(cache.store(key, bytes)) << cache.why();
  EXPECT_EQ(cache.load(key), bytes);
  ASSERT_TRUE(cache.store(key, ""));
  EXPECT_EQ(cache.load(key), "");
  EXPECT_EQ(cache.load(sha256("b")), std::nullopt);
  EXPECT_EQ(fs::status(name + "/made/when/needed").permissions(), fs::perms::owner_all);

  // A link is not followed, and a folder is no file.
  fs::remove(cache.path_of(key));
  fs::create_symlink("/dev/zero", cache.path_of(key));
  EXPECT_EQ(cache.load(key), std::nullopt);
  EXPECT_NE(cache.why(), "");
  fs::remove(cache.path_of(key));
  fs::create_directory(cache.path_of(key));
  EXPECT_EQ(cache.load(key), std::nullopt);
  EXPECT_FALSE(cache.store(key, bytes));
  EXPECT_NE(cache.why(), "");
  fs::remove_all(name);
}

}  // namespace
}  // namespace postern::names
