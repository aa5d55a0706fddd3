// SPDX-License-Identifier: BSD-3-Clause
//
// FileDescriptor: owns one descriptor of the kernel (a map, a link, a directory, a socket) and
// closes it. Empty when default-made or moved from.
#pragma once

#include <unistd.h>

#include <utility>

namespace postern::xdp {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) noexcept : fd_(fd) {}  // takes ownership; negative: empty
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

}  // namespace postern::xdp
