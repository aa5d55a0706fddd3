// SPDX-License-Identifier: BSD-3-Clause
//
// The mode is set on a Unix socket before it has a name, so that it is never wider than it will be.
#include "control/listen/listening_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace postern::listen {
namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kMode = 0660;
constexpr int kLooks = 20;  // for those who are ending
constexpr int kLookMilliseconds = 100;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress address_of(const Place& place) {
  SocketAddress result;
  if (!place.path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (place.path.size() >= sizeof address.sun_path)
      throw std::runtime_error("the path is too long");
    std::memcpy(address.sun_path, place.path.data(), place.path.size());
    std::memcpy(&result.storage, &address, sizeof address);
    result.length = sizeof address;
  } else if (place.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(place.address.v4_host_order());
    address.sin_port = htons(place.port);
    std::memcpy(&result.storage, &address, sizeof address);
    result.length = sizeof address;
  } else {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    std::memcpy(&address.sin6_addr, place.address.bytes().data(), sizeof address.sin6_addr);
    address.sin6_port = htons(place.port);
    std::memcpy(&result.storage, &address, sizeof address);
    result.length = sizeof address;
  }
  return result;
}

[[noreturn]] void refuse(const Place& place, const std::string& why) {
  const std::string where = place.path.empty()
                                ? place.address.to_string() + " port " + std::to_string(place.port)
                                : place.to_string();
  throw std::runtime_error("cannot listen on " + where + ": " + why);
}

void check(bool worked) {
  if (!worked) throw std::runtime_error(std::strerror(errno));
}

void set(int socket, int level, int option) {
  const int on = 1;
  check(::setsockopt(socket, level, option, &on, sizeof on) == 0);
}

Descriptor open_socket(const SocketAddress& address) {
  Descriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  check(static_cast<bool>(socket));
  if (address.storage.ss_family == AF_UNIX) return socket;
  set(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  if (address.storage.ss_family == AF_INET6) set(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  return socket;
}

Place place_of(int socket) {
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  check(::getsockname(socket, bound.get(), &bound.length) == 0);
  Place place;
  if (bound.storage.ss_family == AF_INET) {
    sockaddr_in address;
    std::memcpy(&address, &bound.storage, sizeof address);
    place.address = IpAddress::v4(ntohl(address.sin_addr.s_addr));
    place.port = ntohs(address.sin_port);
  } else if (bound.storage.ss_family == AF_INET6) {
    sockaddr_in6 address;
    std::memcpy(&address, &bound.storage, sizeof address);
    std::array<uint8_t, 16> bytes;
    std::memcpy(bytes.data(), &address.sin6_addr, bytes.size());
    place.address = IpAddress::v6(bytes);
    place.port = ntohs(address.sin6_port);
  } else if (bound.storage.ss_family == AF_UNIX) {
    sockaddr_un address;
    std::memcpy(&address, &bound.storage, sizeof address);
    const size_t room = bound.length - offsetof(sockaddr_un, sun_path);
    place.path.assign(address.sun_path, ::strnlen(address.sun_path, room));
  } else {
    throw std::runtime_error("is of a family that is not known here");
  }
  return place;
}

// Removes the socket of a process that is gone. Anything else that is there stays, and is told.
void clear(const Place& place, const SocketAddress& address) {
  struct stat found;
  if (::lstat(place.path.c_str(), &found) != 0) return;
  if (!S_ISSOCK(found.st_mode)) throw std::runtime_error("there is a file that is no socket");
  // A full backlog would make a blocking connect wait for ever.
  const Descriptor probe = open_socket(address);
  if (::connect(probe.get(), address.get(), address.length) == 0 || errno == EAGAIN)
    throw std::runtime_error("somebody listens there already");
  check(errno == ECONNREFUSED);
  ::unlink(place.path.c_str());
}

}  // namespace

std::string Place::to_string() const {
  if (!path.empty()) return "unix:" + path;
  const std::string text = address.to_string();
  return (address.is_v4() ? text : '[' + text + ']') + ':' + std::to_string(port);
}

ListeningSocket ListeningSocket::tcp(const Place& place, Sharing sharing) {
  try {
    const SocketAddress address = address_of(place);
    Descriptor socket = open_socket(address);
    if (sharing == Sharing::kShared) set(socket.get(), SOL_SOCKET, SO_REUSEPORT);
    check(::bind(socket.get(), address.get(), address.length) == 0);
    check(::listen(socket.get(), kBacklog) == 0);
    Place bound = place_of(socket.get());
    return {std::move(socket), std::move(bound)};
  } catch (const std::runtime_error& error) {
    refuse(place, error.what());
  }
}

ListeningSocket ListeningSocket::unix_file(const Place& place, std::optional<gid_t> group) {
  try {
    const SocketAddress address = address_of(place);
    clear(place, address);
    Descriptor socket = open_socket(address);
    const char* path = place.path.c_str();
    check(::fchmod(socket.get(), kMode) == 0);
    check(::bind(socket.get(), address.get(), address.length) == 0);
    check(!group || ::lchown(path, static_cast<uid_t>(-1), *group) == 0);
    check(::chmod(path, kMode) == 0);
    check(::listen(socket.get(), kBacklog) == 0);
    return {std::move(socket), place};
  } catch (const std::runtime_error& error) {
    refuse(place, error.what());
  }
}

ListeningSocket ListeningSocket::adopt(Descriptor socket) {
  try {
    int listens = 0;
    socklen_t length = sizeof listens;
    check(::getsockopt(socket.get(), SOL_SOCKET, SO_ACCEPTCONN, &listens, &length) == 0);
    if (listens == 0) throw std::runtime_error("it does not listen");
    const int flags = ::fcntl(socket.get(), F_GETFL);
    check(flags >= 0 && ::fcntl(socket.get(), F_SETFL, flags | O_NONBLOCK) == 0);
    check(::fcntl(socket.get(), F_SETFD, FD_CLOEXEC) == 0);
    Place place = place_of(socket.get());
    return {std::move(socket), std::move(place)};
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("the socket that was handed over as descriptor " +
                             std::to_string(socket.get()) + ": " + error.what());
  }
}

bool ListeningSocket::is_shared() const noexcept {
  int shared = 0;
  socklen_t length = sizeof shared;
  return ::getsockopt(fd(), SOL_SOCKET, SO_REUSEPORT, &shared, &length) == 0 && shared != 0;
}

void require_nobody_listens(const Place& place) {
  if (place.port == 0) return;
  for (int look = 1;; look++) {
    try {
      const SocketAddress address = address_of(place);
      const Descriptor socket = open_socket(address);
      if (::bind(socket.get(), address.get(), address.length) == 0) return;
      if (errno != EADDRINUSE || look == kLooks) check(false);
    } catch (const std::runtime_error& error) {
      refuse(place, error.what());
    }
    ::poll(nullptr, 0, kLookMilliseconds);
  }
}

SocketFile::SocketFile(const std::string& path) : path_(path) {
  struct stat made;
  if (::lstat(path.c_str(), &made) != 0 || !S_ISSOCK(made.st_mode)) return;
  device_ = made.st_dev;
  inode_ = made.st_ino;
}

SocketFile::SocketFile(SocketFile&& other) noexcept
    : path_(std::move(other.path_)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

SocketFile::~SocketFile() {
  struct stat found;
  if (inode_ != 0 && ::lstat(path_.c_str(), &found) == 0 && found.st_dev == device_ &&
      found.st_ino == inode_)
    ::unlink(path_.c_str());
}

}  // namespace postern::listen
