// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a file at once (rules/text/file_text.h). Its size is a guess to begin with, not a
// promise: a feed may be writing it, and a pipe has none.
#include "rules/text/file_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

}  // namespace

FileText read_file_text(const std::string& path, size_t max_bytes) {
  const auto refuse = [&](const std::string& message) {
    throw BadInput(Diagnostic{.file = path, .message = message});
  };
  const OpenFile file(path);
  struct stat status {};
  if (file.fd() < 0 || ::fstat(file.fd(), &status) != 0)
    refuse(std::string("cannot be read: ") + std::strerror(errno));

  FileText result;
  result.modified_at = status.st_mtime;
  result.mode = status.st_mode & 07777;
  const auto too_big = [&] {
    refuse("is too big: at most " + std::to_string(max_bytes) + " bytes are read");
  };
  const auto expected = static_cast<size_t>(std::max<off_t>(status.st_size, 0));
  if (S_ISREG(status.st_mode) && expected > max_bytes) too_big();
  size_t filled = 0;
  result.text.resize(expected + 1);
  for (;;) {
    if (filled == result.text.size()) result.text.resize(filled + filled / 2 + 4096);
    const auto count = ::read(file.fd(), result.text.data() + filled, result.text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) refuse(std::string("cannot be read: ") + std::strerror(errno));
    if (count == 0) break;
    filled += static_cast<size_t>(count);
    if (filled > max_bytes) too_big();
  }
  result.text.resize(filled);
  return result;
}

}  // namespace postern
