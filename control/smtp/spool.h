// SPDX-License-Identifier: BSD-3-Clause
//
// Spool: where a message waits between the client's DATA and the farm's. Up to a bound it stays in
// memory, then all of it goes to a file that has no name any more, so that nothing is left behind
// whatever happens. All spools together are bounded by their SpoolSpace; what does not fit is
// answered with 452 and the client comes again. File I/O blocks; it goes to the page cache.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp {

// Shared by all spools of one loop; outlives them.
class SpoolSpace {
 public:
  // directory: for the unlinked files. memory: bytes per message kept in memory. total: bytes of
  // all messages, in memory or in files.
  SpoolSpace(std::string directory, size_t memory, uint64_t total)
      : directory_(std::move(directory)), memory_(memory), total_(total) {}

  const std::string& directory() const noexcept { return directory_; }
  size_t memory() const noexcept { return memory_; }
  uint64_t used() const noexcept { return used_; }
  bool full() const noexcept { return used_ >= total_; }

 private:
  friend class Spool;
  bool take(uint64_t bytes) noexcept;
  void give_back(uint64_t bytes) noexcept { used_ -= bytes; }

  std::string directory_;
  size_t memory_;
  uint64_t total_;
  uint64_t used_ = 0;
};

class Spool {
 public:
  explicit Spool(SpoolSpace& space) : space_(space) {}
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // False when there is no room or the file failed; the message is then lost to us, and stays so.
  bool append(std::string_view bytes);
  bool failed() const noexcept { return failed_; }
  uint64_t size() const noexcept { return size_; }
  bool in_file() const noexcept { return file_ >= 0; }

  // The next bytes from the beginning on; empty at the end. Sets failed() when the file does not
  // give back what was written.
  std::string_view read();
  void rewind() noexcept { position_ = 0; }

 private:
  bool write_to_file(std::string_view bytes);
  bool open_file();

  SpoolSpace& space_;
  std::string memory_;  // the message, or, once there is a file, what was read last
  int file_ = -1;
  uint64_t size_ = 0;
  uint64_t position_ = 0;
  bool failed_ = false;
};

}  // namespace postern::smtp
