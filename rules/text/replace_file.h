// SPDX-License-Identifier: BSD-3-Clause
//
// Replacing a file so that no reader ever sees half of it: what is new is written beside it,
// synced, and renamed over it. A device, a pipe or a directory is never replaced: root writing to
// /dev/null would take it from the whole machine. Faults are std::system_error that name the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace postern {

// The new file beside the old one; removed again unless it has been put in place.
class ReplacementFile {
 public:
  // target: through a symbolic link, the file that it names is replaced.
  explicit ReplacementFile(const std::string& target);
  ~ReplacementFile();
  ReplacementFile(const ReplacementFile&) = delete;
  ReplacementFile& operator=(const ReplacementFile&) = delete;

  const std::string& path() const noexcept { return path_; }
  void write(std::span<const std::byte> bytes);
  void set_modified(int64_t unix_seconds);
  // Readable by all, synced, and at the target.
  void put_in_place();

 private:
  std::string target_, path_;
  int fd_ = -1;
  bool in_place_ = false;
};

// Renames a file that is whole already over another in the same folder, and syncs the folder.
void rename_over(const std::string& path, const std::string& target);
void set_modified(const std::string& path, int64_t unix_seconds);

}  // namespace postern
