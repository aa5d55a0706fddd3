// SPDX-License-Identifier: BSD-3-Clause
//
// Claiming a path for a Unix socket (dataplane/engine/unix_listener.h). Two processes that start at
// the same instant may both find the old file dead; the one that binds second then fails to bind.
#include "dataplane/engine/unix_listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace postern {
namespace {

constexpr int kBacklog = 64;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw std::runtime_error("cannot listen on " + path + ": " + why);
}

std::string error_text(int error) {
  return std::generic_category().message(error);
}

int new_socket(const std::string& path) {
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) refuse(path, error_text(errno));
  return descriptor;
}

// Unlinks what a dead process left.
void clear(const std::string& path, const sockaddr_un& address) {
  struct stat found;
  if (lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return;
    refuse(path, error_text(errno));
  }
  if (!S_ISSOCK(found.st_mode)) refuse(path, "there is a file that is not a socket; remove it");
  const int probe = new_socket(path);
  const int result = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = result == 0 ? 0 : errno;
  close(probe);
  if (error == 0 || error == EAGAIN)  // EAGAIN: its backlog is full
    refuse(path, "a running process serves it; stop that one, or choose another path");
  if (error != ECONNREFUSED) refuse(path, error_text(error));
  if (unlink(path.c_str()) != 0 && errno != ENOENT) refuse(path, error_text(errno));
}

}  // namespace

UnixListener::UnixListener(std::string path, mode_t mode) : path_(std::move(path)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty()) throw std::runtime_error("the path of the socket is empty");
  if (path_.size() >= sizeof address.sun_path)
    refuse(path_,
           "the path is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);

  const auto directory = std::filesystem::path(path_).parent_path();
  std::error_code failed;
  if (!directory.empty()) std::filesystem::create_directories(directory, failed);
  if (failed) refuse(path_, "cannot create its directory: " + failed.message());
  clear(path_, address);

  descriptor_ = new_socket(path_);
  // The mode is set before there is a name to open: never wider than it will be.
  struct stat made;
  if (fchmod(descriptor_, mode) != 0 ||
      bind(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      chmod(path_.c_str(), mode) != 0 || lstat(path_.c_str(), &made) != 0 ||
      listen(descriptor_, kBacklog) != 0) {
    const int error = errno;
    close(descriptor_);
    refuse(path_, error_text(error));
  }
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

UnixListener::~UnixListener() {
  if (descriptor_ >= 0) close(descriptor_);
  struct stat found;
  if (lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ && found.st_ino == inode_)
    unlink(path_.c_str());
}

int UnixListener::release() noexcept {
  return std::exchange(descriptor_, -1);
}

}  // namespace postern
