// SPDX-License-Identifier: BSD-3-Clause
//
// PinDirectory: the directory on a bpffs under which one engine pins its links and maps, locked for
// as long as this lives, so that no two engines share one. The lock dies with the process; the pins
// do not.
#pragma once

#include <string>
#include <vector>

#include "xdp/loader/file_descriptor.h"

namespace postern::xdp {

class PinDirectory {
 public:
  // Makes the directory. Where no bpffs is mounted, mounts one: at /sys/fs/bpf for a path below
  // it, else at the directory itself. Throws std::runtime_error when another process holds it.
  explicit PinDirectory(std::string path);
  // Removes the directory (and the bpffs, if it was mounted just there) when nothing is pinned.
  ~PinDirectory();
  PinDirectory(const PinDirectory&) = delete;
  PinDirectory& operator=(const PinDirectory&) = delete;

  const std::string& path() const noexcept { return path_; }
  // The names pinned there.
  std::vector<std::string> names() const;
  // Replaces what is pinned under that name, at one stroke: whoever dies in the middle leaves the
  // one or the other there. Throws std::runtime_error.
  void pin(const std::string& name, int fd);
  // Forgets the pin; what it held lives on while something else holds it.
  void unpin(const std::string& name) noexcept;
  // The pinned object; empty when it cannot be opened.
  FileDescriptor open(const std::string& name) const noexcept;
  // Unpins everything.
  void clear() noexcept;

 private:
  std::string path_;
  FileDescriptor lock_;
  bool mounted_ = false;  // a bpffs, by us, at this very directory
};

}  // namespace postern::xdp
