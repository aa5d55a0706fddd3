// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a snapshot's file whole (dataplane/engine/owned_snapshot.h).
#include "dataplane/engine/owned_snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <system_error>
#include <utility>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

class File {
 public:
  // Without waiting: a FIFO would have the engine wait for a writer.
  explicit File(const std::string& path)
      : path_(path), descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
    if (descriptor_ < 0) fail();
  }
  ~File() { close(descriptor_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  size_t size() const {
    struct stat found;
    if (fstat(descriptor_, &found) != 0) fail();
    if (!S_ISREG(found.st_mode))
      throw BadInput(Diagnostic{.file = path_, .message = "is not a file"});
    return static_cast<size_t>(found.st_size);
  }
  // How many bytes there were, up to the size of `room`.
  size_t read_into(std::span<std::byte> room) const {
    size_t filled = 0;
    while (filled < room.size()) {
      const auto got = read(descriptor_, room.data() + filled, room.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) fail();
      if (got == 0) break;
      filled += static_cast<size_t>(got);
    }
    return filled;
  }

 private:
  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), path_); }
  const std::string& path_;
  int descriptor_;
};

}  // namespace

std::shared_ptr<const Snapshot> read_owned_snapshot(const std::string& path) {
  const File file(path);
  AlignedBytes bytes(file.size());
  bytes.shrink(file.read_into(bytes.bytes()));  // one being cut off fails on its size or checksum
  return Snapshot::from_bytes(std::move(bytes), path);
}

}  // namespace postern
