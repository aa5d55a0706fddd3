// SPDX-License-Identifier: BSD-3-Clause
//
// Writing a snapshot so that no reader ever sees half of one (write_snapshot() of
// rules/compile/compile.h): into a file beside the target, synced, then renamed over it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "rules/compile/compile.h"

namespace postern {
namespace {

[[noreturn]] void fail(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

// A file that is removed again unless it has been renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& target) : path_(target + ".XXXXXX") {
    fd_ = ::mkostemp(path_.data(), O_CLOEXEC);
    if (fd_ < 0) fail(path_);
  }
  ~TemporaryFile() {
    ::close(fd_);
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(const std::vector<std::byte>& bytes) {
    for (size_t written = 0; written < bytes.size();) {
      const auto count = ::write(fd_, bytes.data() + written, bytes.size() - written);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail(path_);
      written += static_cast<size_t>(count);
    }
    // mkostemp made it for its owner alone; engines may run as someone else.
    if (::fchmod(fd_, 0644) != 0 || ::fsync(fd_) != 0) fail(path_);
  }
  void rename_to(const std::string& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) fail(target);
    renamed_ = true;
  }

 private:
  std::string path_;
  int fd_ = -1;
  bool renamed_ = false;
};

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

// The file to replace: through a symbolic link, the one that it names. A device, a pipe or a
// directory is never replaced: root writing to /dev/null would take it from the whole machine.
std::string target_of(const std::string& path) {
  struct stat found;
  if (::stat(path.c_str(), &found) != 0) return path;  // not there yet, or the rename will say
  if (!S_ISREG(found.st_mode))
    throw std::system_error(std::make_error_code(std::errc::invalid_argument),
                            path + " is not a regular file");
  return std::filesystem::canonical(path);
}

}  // namespace

void write_snapshot(const std::string& path, const std::vector<std::byte>& bytes) {
  const std::string target = target_of(path);
  TemporaryFile file(target);
  file.write(bytes);
  file.rename_to(target);
  sync_directory_of(target);
}

}  // namespace postern
