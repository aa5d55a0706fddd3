// SPDX-License-Identifier: BSD-3-Clause
//
// UnixListener: a listening Unix stream socket in the file system, and the right to it: a file that
// a dead process left is replaced, that of a living one is not, and in the end only the own file is
// removed.
#pragma once

#include <sys/types.h>

#include <string>

namespace postern {

class UnixListener {
 public:
  // Creates the directory when it is absent (mode 0755), the socket with that mode. Throws
  // std::runtime_error with one line that says what to do.
  UnixListener(std::string path, mode_t mode);
  ~UnixListener();
  UnixListener(const UnixListener&) = delete;
  UnixListener& operator=(const UnixListener&) = delete;

  const std::string& path() const noexcept { return path_; }
  // The descriptor, which from now on is the caller's to close. Once.
  int release() noexcept;

 private:
  std::string path_;
  int descriptor_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace postern
