// SPDX-License-Identifier: BSD-3-Clause
//
// Learned entries to keep in files, and folders for these.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "control/learning/learned_file.h"

namespace postern::learning::test {

inline Prefix prefix(const std::string& text) {
  return *Prefix::parse(text, Prefix::HostBits::kRefuse);
}

inline LearnedEntry example(const std::string& text, int64_t expires) {
  return {.prefix = prefix(text),
          .learned = 900,
          .expires = expires,
          .rule = "offences",
          .reason = "2 offences in 41 s: said HELO 'x' (2)",
          .evidence = {{859, "1a2b-1", "said HELO 'x'"}, {900, "1a2b-2.1", "wrote to a spamtrap"}}};
}

inline LearnedChanges put(const LearnedEntry& entry) {
  LearnedChanges changes;
  changes.entries[entry.prefix] = entry;
  return changes;
}

class Folder {
 public:
  Folder() {
    std::string name = "/tmp/postern-learned-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name = "learned.db") const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

}  // namespace postern::learning::test
