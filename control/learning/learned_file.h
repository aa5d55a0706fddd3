// SPDX-License-Identifier: BSD-3-Clause
//
// LearnedFile: what was learned, in one SQLite file: entries with their evidence, trusted sources,
// and what operators took back. Whoever may write the file may take an entry back while control
// runs: `postern learned remove` does, and control, which looks whether anybody has changed the
// file, hears of it (docs/decisions/0085-learned-entries-in-one-file.md). Every call may block for
// a second, when somebody else has the file; one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/learning/learned_entry.h"
#include "rules/address/address.h"

namespace postern::learning {

struct TrustedSource {
  std::string domain;
  int64_t expires = 0;  // Unix seconds
};

// An entry that was taken back by hand.
struct Removal {
  int64_t number = 0;  // counts up
  Prefix prefix = {};
  int64_t time = 0;  // Unix seconds
  std::string by = {}, why = {};
};

// What is to be so in the file; empty: it is to be gone.
struct LearnedChanges {
  std::map<Prefix, std::optional<LearnedEntry>> entries;
  std::map<Prefix, TrustedSource> trusted;
  std::vector<int64_t> carried_out;  // numbers of removals that are done with
  bool empty() const noexcept { return entries.empty() && trusted.empty() && carried_out.empty(); }
};

class LearnedFile {
 public:
  enum class Purpose : uint8_t {
    kKeep,    // made where there is none
    kRead,    // for who may not even write it
    kChange,  // only where there is one
  };
  static constexpr size_t kMaxRemovals = 10'000;  // that are remembered

  // Throws std::runtime_error, "FILE: why", here and below.
  LearnedFile(const std::string& path, Purpose purpose);
  ~LearnedFile();
  LearnedFile(const LearnedFile&) = delete;
  LearnedFile& operator=(const LearnedFile&) = delete;

  // What has not expired, in the order of prefixes. Rows that are none of ours are left out.
  std::vector<LearnedEntry> entries(int64_t now);
  // Those that an address is in, the longest prefix first.
  std::vector<LearnedEntry> covering(const IpAddress& address, int64_t now);
  std::map<Prefix, TrustedSource> trusted(int64_t now);
  std::vector<Removal> removals();  // all, oldest first
  int64_t last_removal();           // its number; 0: there was none
  // Those that nobody has carried out, or with a number above that one.
  std::vector<Removal> removals_to_do(int64_t above);

  // All or nothing. Then what has expired goes, and what there is beyond the capacities, the first
  // to expire first.
  void write(const LearnedChanges& changes, int64_t now, size_t entries, size_t trusted);
  // By an operator. False: there is no such entry, and nothing is noted.
  bool remove(const Prefix& prefix, std::string_view by, std::string_view why, int64_t now);

  // Another number than the last time: somebody else has written.
  int64_t version();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::learning
