// SPDX-License-Identifier: BSD-3-Clause
//
// LearnedStore: keeps what was learned in a LearnedFile, behind the loop's back: a thread of its
// own reads, writes and looks whether somebody has changed the file (another process of ours, or an
// operator), so that no disk and no lock is ever in the way of mail. What is to be written waits in
// memory, one state for each prefix, at most `capacity` and `trusted_capacity` of them, and as many
// again that are only erased: a file has no more entries than that to erase. Beyond that what is
// new is not kept, and will not be known after a restart. A file that cannot be opened or written
// is said once, and tried again.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "control/learning/learned_file.h"

namespace postern::learning {

class LearnedStore {
 public:
  struct Options {
    std::string path;
    size_t capacity = 65536;  // entries
    size_t trusted_capacity = 100'000;
    int64_t trust_for = 7 * 86400;  // seconds: how long sources are trusted by whoever writes
    std::chrono::milliseconds look_time{1000};   // how often somebody else's changes are looked for
    std::chrono::milliseconds retry_time{5000};  // for a file that refuses
  };
  struct Kept {
    std::vector<LearnedEntry> entries;
    std::map<Prefix, TrustedSource> trusted;
  };
  // What is heard of the file, all by way of Post.
  struct Listener {
    std::function<void(Kept)> loaded;  // once, as soon as the file could be read
    // Each once, but at every start until somebody has said that it is carried out.
    std::function<void(std::vector<Removal>)> removed;
    // Whenever somebody else has written: who is trusted since a while ago, known or not.
    std::function<void(std::map<Prefix, TrustedSource>)> trusted;
    // error: empty: it works again.
    std::function<void(const std::string& error)> state;
  };
  // Has a function run where the listener lives. Called by the thread, until the destructor ends.
  using Post = std::function<void(std::function<void()>)>;

  LearnedStore(Options options, Listener listener, Post post);
  ~LearnedStore() { end(); }
  LearnedStore(const LearnedStore&) = delete;
  LearnedStore& operator=(const LearnedStore&) = delete;

  // Writes what waits, if the file lets it at the first try; nothing is kept or heard after that.
  // Why it did not; empty: it did.
  std::string end();

  // Never block for long, never fail.
  void put(const LearnedEntry& entry);
  void erase(const Prefix& prefix);
  void put_trusted(const Prefix& source, std::string domain, int64_t expires);
  void carried_out(int64_t removal);  // its number, as it was heard

 private:
  void run();
  void work(LearnedChanges& changes);
  void look_at_changes(int64_t now);
  void look_for_removals();
  void look_for_trusted(int64_t now);
  void report(const std::string& error);
  template <typename Change>
  void enqueue(Change change);

  const Options options_;
  const std::shared_ptr<const Listener> listener_;
  const Post post_;

  std::mutex mutex_;
  std::condition_variable woken_;
  LearnedChanges waiting_;
  bool ending_ = false;

  // The thread's alone.
  std::unique_ptr<LearnedFile> file_;
  std::optional<std::string> error_;  // as it was said last
  std::optional<int64_t> version_;
  int64_t removal_seen_ = 0;
  std::set<int64_t> removals_under_way_;  // heard of, and not written down as carried out
  bool loaded_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace postern::learning
