// SPDX-License-Identifier: BSD-3-Clause
//
// Messages waiting in memory and in files that have no name, and the bound on all of them.
#include "control/smtp/spool.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>
#include <string>

namespace postern::smtp {
namespace {

class SpoolTest : public testing::Test {
 protected:
  SpoolTest() {
    directory_ =
        std::filesystem::temp_directory_path() / ("postern-spool-" + std::to_string(::getpid()));
    std::filesystem::create_directory(directory_);
  }
  ~SpoolTest() override { std::filesystem::remove_all(directory_); }

  static std::string read_all(Spool& spool) {
    std::string text;
    for (auto chunk = spool.read(); !chunk.empty(); chunk = spool.read()) text += chunk;
    return text;
  }
  std::filesystem::path directory_;
};

TEST_F(SpoolTest, GivesBackWhatItGotWhateverItsSize) {
  std::mt19937 random(1);
  for (const size_t size : {0u, 1u, 999u, 1000u, 1001u, 65536u, 300000u}) {
    SpoolSpace space(directory_, 1000, 1 << 20);
    Spool spool(space);
    std::string text;
    while (text.size() < size) {
      std::string piece(std::min<size_t>(size - text.size(), 1 + random() % 5000), '\0');
      for (char& c : piece) c = static_cast<char>(random());
      ASSERT_TRUE(spool.append(piece));
      text += piece;
    }
    EXPECT_EQ(spool.in_file(), size > 1000) << size;
    EXPECT_EQ(spool.size(), size);
    EXPECT_EQ(read_all(spool), text);
    spool.rewind();
    EXPECT_EQ(read_all(spool), text) << "a second time";
    EXPECT_FALSE(spool.failed());
    EXPECT_TRUE(std::filesystem::is_empty(directory_)) << "its file has a name";
  }
}

TEST_F(SpoolTest, AllOfThemAreBounded) {
  SpoolSpace space(directory_, 100, 1000);
  {
    Spool first(space);
    EXPECT_TRUE(first.append(std::string(900, 'x')));
    Spool second(space);
    EXPECT_FALSE(second.append(std::string(101, 'y')));
    EXPECT_TRUE(second.failed());
    EXPECT_FALSE(second.append("z")) << "a message with a hole is none";
    EXPECT_EQ(space.used(), 900u);
    Spool third(space);
    EXPECT_TRUE(third.append(std::string(100, 'y')));
    EXPECT_TRUE(space.full());
  }
  EXPECT_EQ(space.used(), 0u);
}

TEST_F(SpoolTest, ADirectoryThatIsGoneFailsTheMessage) {
  SpoolSpace space(directory_ / "missing", 10, 1000);
  Spool spool(space);
  EXPECT_TRUE(spool.append("short"));
  EXPECT_FALSE(spool.append("and now too long"));
  EXPECT_TRUE(spool.failed());
  EXPECT_EQ(read_all(spool), "");
}

}  // namespace
}  // namespace postern::smtp
