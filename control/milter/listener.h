// SPDX-License-Identifier: BSD-3-Clause
//
// Listener: a socket that mail servers connect to, a Unix one or TCP. Who may connect to a Unix
// socket is said by its mode, 0660, and its group: whoever can, can have messages judged, and so
// move reputations. The file of a dead process is replaced, one that somebody listens on is not;
// ours goes with the listener.
#pragma once

#include <sys/types.h>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>

#include "control/milter/socket_name.h"

namespace postern::milter {

class Listener {
 public:
  using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::generic::stream_protocol>;

  // group: of a Unix socket; nullopt: that of the process. Port 0 becomes a free one. Throws
  // std::runtime_error naming the socket.
  Listener(boost::asio::io_context& loop, SocketName name, std::optional<gid_t> group = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  const SocketName& name() const noexcept { return name_; }
  Acceptor& acceptor() noexcept { return acceptor_; }
  // Accepts nothing more, and takes the file away.
  void close() noexcept;

 private:
  void bind_unix(std::optional<gid_t> group);
  void bind_tcp();

  SocketName name_;
  Acceptor acceptor_;
  dev_t device_ = 0;  // of the file that is ours; inode 0: there is none
  ino_t inode_ = 0;
};

}  // namespace postern::milter
