// SPDX-License-Identifier: BSD-3-Clause
//
// O_TMPFILE gives a file without a name; where the file system cannot, the name is removed at once.
#include "control/smtp/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

namespace postern::smtp {
namespace {

constexpr size_t kReadBytes = 65536;

}  // namespace

bool SpoolSpace::take(uint64_t bytes) noexcept {
  if (bytes > total_ || used_ > total_ - bytes) return false;
  used_ += bytes;
  return true;
}

Spool::~Spool() {
  space_.give_back(size_);
  if (file_ >= 0) ::close(file_);
}

bool Spool::append(std::string_view bytes) {
  if (failed_) return false;
  if (!space_.take(bytes.size())) {
    failed_ = true;
    return false;
  }
  size_ += bytes.size();
  if (file_ < 0 && memory_.size() + bytes.size() <= space_.memory()) {
    memory_ += bytes;
    return true;
  }
  if (file_ < 0) {
    failed_ = !open_file() || !write_to_file(memory_);
    memory_.clear();
    memory_.shrink_to_fit();
  }
  if (!failed_) failed_ = !write_to_file(bytes);
  return !failed_;
}

bool Spool::open_file() {
  file_ = ::open(space_.directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return true;
  // A file system without O_TMPFILE.
  std::string path = space_.directory() + "/postern-XXXXXX";
  file_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (file_ >= 0) ::unlink(path.c_str());
  return file_ >= 0;
}

bool Spool::write_to_file(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

std::string_view Spool::read() {
  if (failed_ || position_ >= size_) return {};
  if (file_ < 0) {
    const auto chunk = std::string_view(memory_).substr(position_, kReadBytes);
    position_ += chunk.size();
    return chunk;
  }
  memory_.resize(kReadBytes);
  ssize_t got;
  do {
    got = ::pread(file_, memory_.data(), memory_.size(), static_cast<off_t>(position_));
  } while (got < 0 && errno == EINTR);
  if (got <= 0) {
    failed_ = true;
    return {};
  }
  position_ += static_cast<uint64_t>(got);
  return std::string_view(memory_).substr(0, static_cast<size_t>(got));
}

}  // namespace postern::smtp
