// SPDX-License-Identifier: BSD-3-Clause
//
// Write beside, sync, rename, sync the folder (rules/text/replace_file.h).
#include "rules/text/replace_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace postern {
namespace {

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

void sync_directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) fail(directory);
  const bool synced = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  if (!synced) fail(directory);
}

std::string target_of(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return path;  // not there yet, or the rename will say
  if (!S_ISREG(found.st_mode))
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            path + " is not a regular file");
  return std::filesystem::canonical(path);
}

}  // namespace

ReplacementFile::ReplacementFile(const std::string& target)
    : target_(target_of(target)), path_(target_ + ".XXXXXX") {
  fd_ = ::mkostemp(path_.data(), O_CLOEXEC);
  if (fd_ < 0) fail(path_);
}

ReplacementFile::~ReplacementFile() {
  ::close(fd_);
  if (!in_place_) ::unlink(path_.c_str());
}

void ReplacementFile::write(std::span<const std::byte> bytes) {
  for (size_t written = 0; written < bytes.size();) {
    const auto count = ::write(fd_, bytes.data() + written, bytes.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_);
    written += static_cast<size_t>(count);
  }
}

void ReplacementFile::set_modified(int64_t unix_seconds) {
  postern::set_modified(path_, unix_seconds);
}

void ReplacementFile::put_in_place() {
  // mkostemp made it for its owner alone; its readers may run as someone else.
  if (::fchmod(fd_, 0644) != 0 || ::fsync(fd_) != 0) fail(path_);
  rename_over(path_, target_);
  in_place_ = true;
}

void rename_over(const std::string& path, const std::string& target) {
  const auto place = target_of(target);
  if (::rename(path.c_str(), place.c_str()) != 0) fail(place);
  sync_directory_of(place);
}

void set_modified(const std::string& path, int64_t unix_seconds) {
  const struct timespec times[2] = {{0, UTIME_OMIT}, {unix_seconds, 0}};
  if (::utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) fail(path);
}

}  // namespace postern
