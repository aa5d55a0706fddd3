// SPDX-License-Identifier: BSD-3-Clause
//
// The thread behind the loop's back: what it reads, writes and notices, and what it says of a file
// that is missing its folder, locked, full of something else, or made unwritable.
#include "control/learning/learned_store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <condition_variable>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>

#include "tests/control/learning/learned_example.h"

namespace postern::learning::test {
namespace {

using std::chrono::milliseconds;
using Purpose = LearnedFile::Purpose;

// The loop: runs what is posted when the test waits for something.
class Loop {
 public:
  LearnedStore::Post post() {
    return [this](std::function<void()> function) {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(function));
      came_.notify_all();
    };
  }
  // False: that took longer than anything may.
  template <typename Condition>
  bool run_until(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      std::function<void()> next;
      {
        std::unique_lock lock(mutex_);
        if (!came_.wait_until(lock, end, [&] { return !waiting_.empty(); })) return false;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      next();
    }
    return true;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  std::deque<std::function<void()>> waiting_;
};

class Store : public testing::Test {
 protected:
  void open(const std::string& path, size_t capacity = 1000) {
    store_.emplace(LearnedStore::Options{.path = path,
                                         .capacity = capacity,
                                         .look_time = milliseconds{10},
                                         .retry_time = milliseconds{20}},
                   LearnedStore::Listener{
                       .loaded = [this](LearnedStore::Kept kept) { loaded_ = std::move(kept); },
                       .removed =
                           [this](const std::vector<Removal>& more) {
                             removals_.insert(removals_.end(), more.begin(), more.end());
                           },
                       .trusted =
                           [this](const std::map<Prefix, TrustedSource>& more) {
                             for (const auto& [source, trust] : more) trusted_[source] = trust;
                           },
                       .state = [this](const std::string& error) { states_.push_back(error); }},
                   loop_.post());
  }
  bool wait_loaded() {
    return loop_.run_until([&] { return loaded_.has_value(); });
  }
  bool wait_states(size_t count) {
    return loop_.run_until([&] { return states_.size() >= count; });
  }
  static std::vector<LearnedEntry> in(const std::string& path) {
    return LearnedFile(path, Purpose::kRead).entries(std::time(nullptr));
  }
  static LearnedEntry lasting(const std::string& text) {
    return example(text, std::time(nullptr) + 3600);
  }

  const Folder folder_;
  const std::string path_ = folder_.file();
  Loop loop_;
  std::optional<LearnedStore::Kept> loaded_;
  std::vector<Removal> removals_;
  std::map<Prefix, TrustedSource> trusted_;
  std::vector<std::string> states_;
  std::optional<LearnedStore> store_;
};

TEST_F(Store, WhatIsPutIsThereTheNextTime) {
  open(path_);
  ASSERT_TRUE(wait_loaded());
  EXPECT_TRUE(loaded_->entries.empty());
  store_->put(lasting("192.0.2.1/32"));
  store_->put(lasting("192.0.2.2/32"));
  store_->erase(prefix("192.0.2.2/32"));
  store_->put_trusted(prefix("198.51.100.1/32"), "b.example", std::time(nullptr) + 3600);
  store_.reset();
  loaded_.reset();
  open(path_);
  ASSERT_TRUE(wait_loaded());
  ASSERT_EQ(loaded_->entries.size(), 1u);
  EXPECT_EQ(loaded_->entries[0].prefix, prefix("192.0.2.1/32"));
  EXPECT_EQ(loaded_->entries[0].evidence.size(), 2u);
  ASSERT_EQ(loaded_->trusted.size(), 1u);
  EXPECT_TRUE(states_.empty()) << "nothing to complain of";
}

TEST_F(Store, ARemovalByHandIsNoticed) {
  open(path_);
  store_->put(lasting("192.0.2.1/32"));
  ASSERT_TRUE(wait_loaded());
  while (in(path_).empty()) std::this_thread::sleep_for(milliseconds{2});
  ASSERT_TRUE(LearnedFile(path_, Purpose::kChange)
                  .remove(prefix("192.0.2.1/32"), "root", "why not", std::time(nullptr)));
  ASSERT_TRUE(loop_.run_until([&] { return !removals_.empty(); }));
  EXPECT_EQ(removals_[0].prefix, prefix("192.0.2.1/32"));
  EXPECT_EQ(removals_[0].why, "why not");
  store_.reset();
  EXPECT_EQ(removals_.size(), 1u);
}

TEST_F(Store, ARemovalMadeWhileNobodyRanIsHeardOfAtTheStart) {
  {
    LearnedFile file(path_, Purpose::kKeep);
    file.write(put(lasting("192.0.2.1/32")), std::time(nullptr), 10, 10);
    ASSERT_TRUE(file.remove(prefix("192.0.2.1/32"), "root", "", std::time(nullptr)));
  }
  open(path_);
  ASSERT_TRUE(loop_.run_until([&] { return !removals_.empty(); }));
  EXPECT_TRUE(loaded_.has_value()) << "first what is there";
  store_->carried_out(removals_[0].number);
  store_.reset();
  EXPECT_EQ(removals_.size(), 1u) << "once is enough";
  removals_.clear();
  loaded_.reset();
  open(path_);
  ASSERT_TRUE(wait_loaded());
  EXPECT_TRUE(LearnedFile(path_, Purpose::kRead).removals_to_do(1).empty()) << "it is done with";
  // The next one that is heard of is the next one that is made.
  store_->put(lasting("192.0.2.9/32"));
  while (in(path_).empty()) std::this_thread::sleep_for(milliseconds{2});
  ASSERT_TRUE(LearnedFile(path_, Purpose::kChange)
                  .remove(prefix("192.0.2.9/32"), "root", "", std::time(nullptr)));
  ASSERT_TRUE(loop_.run_until([&] { return !removals_.empty(); }));
  EXPECT_EQ(removals_[0].prefix, prefix("192.0.2.9/32"));
}

// Whoever dies before the engines have let go of it has not done it.
TEST_F(Store, ARemovalThatWasHeardOfAndNotCarriedOutIsHeardOfAgain) {
  {
    LearnedFile file(path_, Purpose::kKeep);
    file.write(put(lasting("192.0.2.1/32")), std::time(nullptr), 10, 10);
    ASSERT_TRUE(file.remove(prefix("192.0.2.1/32"), "root", "", std::time(nullptr)));
  }
  for (const bool carried_out : {false, false, true}) {
    removals_.clear();
    open(path_);
    ASSERT_TRUE(loop_.run_until([&] { return !removals_.empty(); }));
    // However often somebody else writes meanwhile, it is heard of once.
    for (int i = 0; i < 3; i++) {
      store_->put(lasting("192.0.2.9/32"));
      while (in(path_).empty()) std::this_thread::sleep_for(milliseconds{2});
      ASSERT_TRUE(LearnedFile(path_, Purpose::kChange)
                      .remove(prefix("192.0.2.9/32"), "root", "", std::time(nullptr)));
      ASSERT_TRUE(loop_.run_until(
          [&] { return !removals_.empty() && removals_.back().prefix == prefix("192.0.2.9/32"); }));
      EXPECT_EQ(std::ranges::count(removals_, prefix("192.0.2.1/32"), &Removal::prefix), 1);
      store_->carried_out(removals_.back().number);
      removals_.pop_back();
    }
    ASSERT_EQ(removals_.size(), 1u);
    if (carried_out) store_->carried_out(removals_[0].number);
    store_.reset();
  }
  EXPECT_TRUE(LearnedFile(path_, Purpose::kRead).removals_to_do(1000).empty());
}

TEST_F(Store, WhoIsTrustedByAnotherProcessIsHeardOf) {
  const int64_t now = std::time(nullptr);
  LearnedFile other(path_, Purpose::kKeep);
  const auto trust = [&](const char* source, int64_t expires) {
    LearnedChanges changes;
    changes.trusted[prefix(source)] = {"b.example", expires};
    other.write(changes, now, 10, 10);
  };
  open(path_);
  ASSERT_TRUE(wait_loaded());
  EXPECT_TRUE(loaded_->trusted.empty());
  trust("198.51.100.1/32", now + 3600);  // an old one: it would have been loaded
  trust("198.51.100.2/32", now + 7 * 86400);
  ASSERT_TRUE(loop_.run_until([&] { return !trusted_.empty(); }));
  EXPECT_EQ(trusted_.begin()->first, prefix("198.51.100.2/32"));
  EXPECT_EQ(trusted_.begin()->second.domain, "b.example");
  trust("198.51.100.3/32", now + 7 * 86400);
  ASSERT_TRUE(loop_.run_until([&] { return trusted_.contains(prefix("198.51.100.3/32")); }));
  EXPECT_FALSE(trusted_.contains(prefix("198.51.100.1/32")));
}

TEST_F(Store, AFileThatCannotBeIsSaidOnceAndTriedAgain) {
  const auto path = folder_.file("missing/learned.db");
  open(path);
  store_->put(lasting("192.0.2.1/32"));
  ASSERT_TRUE(wait_states(1));
  EXPECT_NE(states_[0].find("unable to open database file"), std::string::npos) << states_[0];
  EXPECT_NE(states_[0].find(path), std::string::npos);
  std::this_thread::sleep_for(milliseconds{200});  // several tries
  std::filesystem::create_directory(folder_.file("missing"));
  ASSERT_TRUE(wait_states(2));
  EXPECT_EQ(states_.size(), 2u);
  EXPECT_EQ(states_[1], "") << "it works again";
  store_.reset();
  EXPECT_EQ(in(path).size(), 1u) << "what waited is there";
}

TEST_F(Store, SomethingElseIsLeftAlone) {
  std::ofstream(path_) << std::string(5000, 'x');
  open(path_);
  store_->put(lasting("192.0.2.1/32"));
  ASSERT_TRUE(wait_states(1));
  EXPECT_NE(states_[0].find("not a database"), std::string::npos) << states_[0];
  store_.reset();
  EXPECT_EQ(std::filesystem::file_size(path_), 5000u);
  EXPECT_FALSE(loaded_);
}

TEST_F(Store, ALockedFileHoldsNobodyUp) {
  open(path_);
  ASSERT_TRUE(wait_loaded());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path_.c_str(), &other), SQLITE_OK);
  sqlite3_busy_timeout(other, 10'000);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  store_->put(lasting("192.0.2.1/32"));
  ASSERT_TRUE(wait_states(1));
  EXPECT_NE(states_[0].find("locked"), std::string::npos) << states_[0];
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  ASSERT_TRUE(wait_states(2));
  EXPECT_EQ(states_[1], "");
  store_.reset();
  EXPECT_EQ(in(path_).size(), 1u);
}

// As a full disk is: SQLite refuses to grow beyond so many pages.
TEST_F(Store, AFileThatMayNotBeWrittenIsReadAllTheSame) {
  {
    LearnedFile file(path_, Purpose::kKeep);
    file.write(put(lasting("192.0.2.1/32")), std::time(nullptr), 10, 10);
  }
  // A folder in the place of the journal: nothing can be written.
  std::filesystem::create_directory(path_ + "-journal");
  std::ofstream(path_ + "-journal/x") << "x";
  open(path_);
  ASSERT_TRUE(loop_.run_until([&] { return loaded_.has_value() || !states_.empty(); }));
  store_->put(lasting("192.0.2.2/32"));
  ASSERT_TRUE(wait_states(1));
  EXPECT_NE(states_[0], "");
  std::filesystem::remove_all(path_ + "-journal");
  ASSERT_TRUE(loop_.run_until([&] { return states_.back().empty() && loaded_.has_value(); }));
  EXPECT_EQ(loaded_->entries.size(), 1u);
  store_.reset();
  EXPECT_EQ(in(path_).size(), 2u);
}

TEST_F(Store, WhatWaitsIsBounded) {
  open(folder_.file("missing/learned.db"), 5);
  ASSERT_TRUE(wait_states(1));
  for (int i = 0; i < 200; i++) store_->put(lasting("192.0.2." + std::to_string(i) + "/32"));
  std::filesystem::create_directory(folder_.file("missing"));
  ASSERT_TRUE(wait_states(2));
  store_.reset();
  EXPECT_EQ(in(folder_.file("missing/learned.db")).size(), 5u);
}

}  // namespace
}  // namespace postern::learning::test
