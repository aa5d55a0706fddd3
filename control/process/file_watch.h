// SPDX-License-Identifier: BSD-3-Clause
//
// FileWatch: has the file at a path been replaced or written since it was last asked? By what stat
// says, so it also sees a rename and works on any file system; who writes in place may be caught in
// the middle, and is seen again when done. A path where nothing is has not changed.
#pragma once

#include <sys/stat.h>

#include <string>
#include <tuple>

namespace postern::process {

class FileWatch {
 public:
  // Remembers what is there now: ask before reading it, and no change is missed.
  explicit FileWatch(std::string path) : path_(std::move(path)) { changed(); }

  bool changed() {
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0) return false;
    const Identity now{found.st_dev,         found.st_ino,          found.st_size,
                       found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ctim.tv_sec,
                       found.st_ctim.tv_nsec};
    if (now == seen_) return false;
    seen_ = now;
    return true;
  }

 private:
  using Identity = std::tuple<dev_t, ino_t, off_t, time_t, long, time_t, long>;
  std::string path_;
  Identity seen_{};
};

}  // namespace postern::process
