// SPDX-License-Identifier: BSD-3-Clause
//
// The store on real files: counts that survive, a crash that loses only what was not flushed, files
// that cannot be written, and files that are no store.
#include "control/reputation/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace postern::reputation {
namespace {

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    directory_ =
        std::filesystem::temp_directory_path() / ("postern-store-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory_);
  }
  ~StoreTest() override { std::filesystem::remove_all(directory_); }
  std::string path() const { return (directory_ / "reputation.db").string(); }

  // Something that keeps the file busy.
  class Lock {
   public:
    explicit Lock(const std::string& path, const char* how = "BEGIN IMMEDIATE") {
      sqlite3_open(path.c_str(), &database_);
      locked_ = sqlite3_exec(database_, how, nullptr, nullptr, nullptr) == SQLITE_OK;
    }
    ~Lock() { sqlite3_close(database_); }
    bool locked() const { return locked_; }

   private:
    sqlite3* database_ = nullptr;
    bool locked_ = false;
  };

  std::filesystem::path directory_;
};

TEST(Score, IsTheMeanOfABetaDistribution) {
  EXPECT_DOUBLE_EQ(score({}), 0.5);
  EXPECT_DOUBLE_EQ(score({.messages = 8, .accepted = 8}), 0.9);
  EXPECT_DOUBLE_EQ(score({.messages = 8, .rejected = 8}), 0.1);
  EXPECT_DOUBLE_EQ(score({.messages = 9, .accepted = 4, .rejected = 4}), 0.5)
      << "deferrals are no evidence";
}

TEST_F(StoreTest, CountsAndSurvives) {
  {
    Store store(path());
    EXPECT_FALSE(store.find("a.example"));
    store.record("a.example", Outcome::kAccepted, 100);
    store.record("a.example", Outcome::kRejected, 300);
    store.record("a.example", Outcome::kDeferred, 200);
    store.record("b.example", Outcome::kAccepted, 50);
    EXPECT_EQ(store.find("a.example")->messages, 3u) << "before it is written";
    EXPECT_TRUE(store.flush());
    store.record("a.example", Outcome::kAccepted, 400);
    EXPECT_EQ(store.find("a.example")->messages, 4u) << "partly written";
  }
  Store store(path());
  const auto record = store.find("a.example");
  ASSERT_TRUE(record);
  EXPECT_EQ(record->messages, 4u);
  EXPECT_EQ(record->accepted, 2u);
  EXPECT_EQ(record->rejected, 1u);
  EXPECT_EQ(record->first_seen, 100);
  EXPECT_EQ(record->last_seen, 400);
  EXPECT_EQ(store.find("b.example")->messages, 1u);
  EXPECT_FALSE(store.find("A.EXAMPLE"));
}

TEST_F(StoreTest, ACrashLosesOnlyWhatWasNotFlushed) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto* store = new Store(path());
    store->record("a.example", Outcome::kAccepted, 1);
    const bool written = store->flush();
    store->record("a.example", Outcome::kAccepted, 2);
    ::_exit(written ? 0 : 1);  // no destructor
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  Store store(path());
  EXPECT_EQ(store.find("a.example")->messages, 1u);
}

TEST_F(StoreTest, KeepsCountsWhileTheFileRefuses) {
  Store store(path());
  store.record("a.example", Outcome::kAccepted, 1);
  {
    Lock lock(path());
    ASSERT_TRUE(lock.locked());
    EXPECT_FALSE(store.flush());
    EXPECT_EQ(store.find("a.example")->messages, 1u) << "still known";
    store.record("a.example", Outcome::kAccepted, 2);
  }
  EXPECT_TRUE(store.flush());
  EXPECT_TRUE(store.flush()) << "nothing is counted twice";
  EXPECT_EQ(Store(path()).find("a.example")->messages, 2u);
}

TEST_F(StoreTest, AFileThatCannotBeReadSaysNothingAboutADomain) {
  Store store(path());
  store.record("a.example", Outcome::kAccepted, 1);
  {
    Lock lock(path(), "BEGIN EXCLUSIVE");
    ASSERT_TRUE(lock.locked());
    EXPECT_TRUE(store.look_up("b.example").failed);
    EXPECT_TRUE(store.look_up("a.example").failed);
    EXPECT_EQ(store.look_up("a.example").record->messages, 1u) << "what waits";
  }
  EXPECT_FALSE(store.look_up("b.example").failed);
  EXPECT_FALSE(store.look_up("b.example").record);
}

TEST_F(StoreTest, TwoProcessesAddUp) {
  Store one(path()), two(path());
  one.record("a.example", Outcome::kAccepted, 10);
  two.record("a.example", Outcome::kRejected, 5);
  EXPECT_TRUE(one.flush());
  EXPECT_TRUE(two.flush());
  EXPECT_EQ(one.find("a.example")->messages, 2u);
  EXPECT_EQ(one.find("a.example")->first_seen, 5);
}

TEST_F(StoreTest, ManyMayOpenANewFileAtOnce) {
  for (int round = 0; round < 20; round++) {
    const auto fresh = path() + std::to_string(round);
    std::vector<std::thread> workers;
    std::atomic<int> failed = 0;
    for (int i = 0; i < 4; i++)
      workers.emplace_back([&] {
        try {
          Store store(fresh);
        } catch (const std::runtime_error& error) {
          failed++;
        }
      });
    for (auto& worker : workers) worker.join();
    EXPECT_EQ(failed, 0) << round;
  }
}

TEST_F(StoreTest, AReadOnlyFileIsReadAndNothingElse) {
  {
    Store store(path());
    store.record("a.example", Outcome::kAccepted, 1);
  }
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    // Root writes to read-only files too; become nobody.
    std::filesystem::permissions(directory_, std::filesystem::perms(0555));
    for (const auto& entry : std::filesystem::directory_iterator(directory_))
      std::filesystem::permissions(entry.path(), std::filesystem::perms(0444));
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(9);
    Store store(path());
    if (store.find("a.example")->messages != 1) ::_exit(1);
    store.record("a.example", Outcome::kAccepted, 2);
    if (store.flush()) ::_exit(2);
    ::_exit(store.find("a.example")->messages == 2 ? 0 : 3);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(StoreTest, WhatIsNoStoreIsRefusedWithItsName) {
  std::ofstream(path()) << "this is a text file, and a rather long one, so that there is a header";
  try {
    Store store(path());
    FAIL() << "taken";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(path()), std::string::npos) << error.what();
  }
  EXPECT_THROW(Store((directory_ / "missing" / "x.db").string()), std::runtime_error);
}

TEST_F(StoreTest, ADatabaseOfAnotherProgramIsRefused) {
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE domain (name TEXT)", nullptr, nullptr, nullptr),
            SQLITE_OK);
  sqlite3_close(other);
  EXPECT_THROW(Store store(path()), std::runtime_error);
}

TEST_F(StoreTest, AFileThatIsDamagedUnderWayIsNoReasonToStop) {
  std::string first;
  {
    Store store(path());
    for (int i = 0; i < 5000; i++)
      store.record("domain-" + std::to_string(i) + ".example", Outcome::kAccepted, i);
  }
  const auto size = std::filesystem::file_size(path());
  ASSERT_GT(size, 20000u);
  Store store(path());
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096);
    const std::string noise(size - 4096, '\x5a');
    file.write(noise.data(), static_cast<std::streamsize>(noise.size()));
  }
  store.record("domain-17.example", Outcome::kAccepted, 9999);
  EXPECT_FALSE(store.flush());
  EXPECT_TRUE(store.find("domain-17.example"));
  EXPECT_GE(store.find("domain-17.example")->messages, 1u);
}

TEST_F(StoreTest, MemoryKeepsNothing) {
  {
    Store store(":memory:");
    store.record("a.example", Outcome::kAccepted, 1);
    EXPECT_TRUE(store.flush());
    EXPECT_EQ(store.find("a.example")->messages, 1u);
  }
  EXPECT_FALSE(Store(":memory:").find("a.example"));
}

TEST_F(StoreTest, WhatWaitsIsBounded) {
  Store store(path());
  Lock lock(path());
  for (int i = 0; i < 100'001; i++)
    store.record("d" + std::to_string(i) + ".example", Outcome::kAccepted, 1);
  EXPECT_TRUE(store.find("d99999.example"));
  EXPECT_FALSE(store.find("d100000.example")) << "the newest is forgotten";
  store.record("d1.example", Outcome::kAccepted, 2);
  EXPECT_EQ(store.find("d1.example")->messages, 2u) << "who is known is counted on";
}

}  // namespace
}  // namespace postern::reputation
