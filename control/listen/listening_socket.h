// SPDX-License-Identifier: BSD-3-Clause
//
// ListeningSocket: a socket that others connect to, TCP or Unix. Whoever binds it need not be who
// accepts: it is a descriptor that can be handed on. Who may connect to a Unix socket is said by
// its mode, 0660, and its group. Its file is replaced where its process is dead, never where
// somebody listens on it; a SocketFile takes it away again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "control/listen/descriptor.h"
#include "rules/address/address.h"

namespace postern::listen {

// Where a socket listens.
struct Place {
  std::string path;  // empty: TCP, at
  IpAddress address;
  uint16_t port = 0;
  bool operator==(const Place&) const = default;

  // 192.0.2.1:25, [2001:db8::1]:25, unix:/run/x.sock
  std::string to_string() const;
};

// Whether further sockets of the same user may listen at the same place (SO_REUSEPORT).
enum class Sharing : uint8_t { kAlone, kShared };

class ListeningSocket {
 public:
  // All of them throw std::runtime_error naming the place.
  //
  // Port 0 becomes a free one.
  static ListeningSocket tcp(const Place& place, Sharing sharing = Sharing::kAlone);
  // group: of the file; nullopt: that of the process.
  static ListeningSocket unix_file(const Place& place, std::optional<gid_t> group = {});
  // One that somebody else has made.
  static ListeningSocket adopt(Descriptor socket);

  const Place& place() const noexcept { return place_; }
  int fd() const noexcept { return socket_.get(); }
  int release() noexcept { return socket_.release(); }
  bool is_shared() const noexcept;

 private:
  ListeningSocket(Descriptor socket, Place place)
      : socket_(std::move(socket)), place_(std::move(place)) {}

  Descriptor socket_;
  Place place_;
};

// Throws std::runtime_error naming the place when somebody listens there; for a moment it waits for
// them to end.
void require_nobody_listens(const Place& place);

// The file of a Unix socket, which goes with this, unless another one has taken its place.
class SocketFile {
 public:
  explicit SocketFile(const std::string& path);  // is there
  ~SocketFile();
  SocketFile(SocketFile&& other) noexcept;
  SocketFile& operator=(SocketFile&&) = delete;
  void abandon() noexcept { inode_ = 0; }  // it stays

 private:
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: there is none
};

}  // namespace postern::listen
