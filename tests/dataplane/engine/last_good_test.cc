// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine starts with, and what it keeps for its next start.
#include "dataplane/engine/last_good.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>

#include "dataplane/engine/active_rules.h"
#include "tests/dataplane/engine/memory_engine.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNow = 1'700'000'000;

class LastGoodTest : public testing::Test {
 protected:
  LastGoodTest() {
    std::string name = testing::TempDir() + "postern-state-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~LastGoodTest() override { fs::remove_all(directory_); }

  std::shared_ptr<const Snapshot> rules(const std::string& rule) {
    return shop_.snapshot("service mx 198.51.100.25\nconnection to mx\n  " + rule + "\n",
                          {.now = std::chrono::sys_seconds(std::chrono::seconds(kNow + ++made_))});
  }
  std::string file_of(const Snapshot& snapshot) const {
    const auto path = directory_ + "/given.snapshot";
    const auto bytes = snapshot.file_bytes();
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  static void damage(const std::string& path) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(fs::file_size(path) / 2));
    file.put('\x5a');
  }
  static std::string refusal(const std::function<void()>& start) {
    try {
      start();
    } catch (const std::runtime_error& refused) {
      return refused.what();
    }
    return "not refused";
  }

  test::Workshop shop_;
  std::string directory_;
  int made_ = 0;
};

TEST_F(LastGoodTest, NothingKeptIsNothingToStartWith) {
  const LastGood last(directory_ + "/a/b");
  EXPECT_TRUE(fs::is_directory(directory_ + "/a/b"));
  EXPECT_EQ(last.read(), nullptr);
  EXPECT_EQ(starting_snapshot("", &last, BadSnapshot::kRefuse), nullptr);
  EXPECT_EQ(starting_snapshot("", nullptr, BadSnapshot::kRefuse), nullptr);
}

TEST_F(LastGoodTest, WhatIsKeptIsTheWholeFile) {
  const LastGood last(directory_);
  const auto first = rules("drop any"), second = rules("reset any");
  last.keep(*first);
  last.keep(*second);
  const auto found = last.read();
  EXPECT_EQ(found->generation(), second->generation());
  EXPECT_TRUE(std::ranges::equal(found->file_bytes(), second->file_bytes()));
  last.keep(*found);  // onto itself
  EXPECT_EQ(last.read()->generation(), second->generation());
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), {}), 1);  // nothing left beside it
}

TEST_F(LastGoodTest, TheGivenFileComesFirst) {
  const LastGood last(directory_);
  const auto kept = rules("drop any"), given = rules("reset any");
  last.keep(*kept);
  const auto path = file_of(*given);
  const auto generation = [&](const std::string& file, BadSnapshot otherwise) {
    return starting_snapshot(file, &last, otherwise)->generation();
  };
  EXPECT_EQ(generation("", BadSnapshot::kRefuse), kept->generation());
  EXPECT_EQ(generation(path, BadSnapshot::kLastGood), given->generation());
  damage(path);
  const auto line = refusal([&] { generation(path, BadSnapshot::kRefuse); });
  EXPECT_TRUE(line.starts_with(path)) << line;
  EXPECT_EQ(generation(path, BadSnapshot::kLastGood), kept->generation());
  EXPECT_EQ(generation(directory_ + "/absent", BadSnapshot::kLastGood), kept->generation());
  fs::remove(last.path());
  EXPECT_NE(refusal([&] { generation(path, BadSnapshot::kLastGood); }), "not refused");
}

TEST_F(LastGoodTest, ADamagedCopyIsRefusedInOneLine) {
  const LastGood last(directory_);
  last.keep(*rules("drop any"));
  damage(last.path());
  const auto line = refusal([&] { starting_snapshot("", &last, BadSnapshot::kRefuse); });
  EXPECT_TRUE(line.starts_with(last.path())) << line;
  EXPECT_NE(line.find("remove it to start without rules"), std::string::npos) << line;
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
}

TEST_F(LastGoodTest, OnlyConfirmedRulesAreKept) {
  const LastGood last(directory_);
  MemoryEngine engine;
  engine.keep_last_good(last);
  ActiveRules active(engine);
  const auto first = rules("drop any"), second = rules("reset any"), third = rules("allow any");
  engine.remember();  // of nothing
  EXPECT_EQ(last.read(), nullptr);
  active.load(first, kNow);
  EXPECT_EQ(last.read()->generation(), first->generation());
  active.load_unconfirmed(second, kNow, 60);
  EXPECT_EQ(last.read()->generation(), first->generation());
  EXPECT_TRUE(active.confirm(second->generation()));
  EXPECT_EQ(last.read()->generation(), second->generation());
  active.load_unconfirmed(third, kNow, 60);
  active.tick(kNow + 61);
  EXPECT_EQ(engine.snapshot()->generation(), second->generation());
  EXPECT_EQ(last.read()->generation(), second->generation());
  engine.refuses_ = true;
  EXPECT_NE(refusal([&] { active.load(third, kNow); }), "not refused");
  EXPECT_EQ(last.read()->generation(), second->generation());
}

// As where the file system is full: the rules are in force, and the copy stays as it was.
TEST_F(LastGoodTest, ACopyThatCannotBeWrittenStopsNothing) {
  const LastGood last(directory_ + "/gone");
  fs::remove(directory_ + "/gone");
  MemoryEngine engine;
  engine.keep_last_good(last);
  ActiveRules active(engine);
  active.load(rules("drop any"), kNow);
  EXPECT_EQ(engine.loads_, 1);
}

}  // namespace
}  // namespace postern
