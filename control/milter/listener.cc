// SPDX-License-Identifier: BSD-3-Clause
//
// The mode is set on the socket before it has a name, so that it is never wider than it will be.
#include "control/milter/listener.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace postern::milter {

namespace asio = boost::asio;
using boost::system::error_code;
using Stream = asio::generic::stream_protocol;

namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kMode = 0660;

// Removes the socket of a process that is gone. Anything else that is there stays, and is told.
void clear(asio::io_context& loop, const std::string& path) {
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return;
  if (!S_ISSOCK(found.st_mode)) throw std::runtime_error("there is a file that is no socket");
  asio::local::stream_protocol::socket probe(loop);
  error_code error;
  // A full backlog would make a blocking connect wait for ever.
  probe.open(asio::local::stream_protocol(), error);
  probe.non_blocking(true, error);
  probe.connect(asio::local::stream_protocol::endpoint(path), error);
  if (!error || error == asio::error::try_again)  // its backlog is full
    throw std::runtime_error("somebody listens there already");
  if (error != asio::error::connection_refused) throw std::runtime_error(error.message());
  ::unlink(path.c_str());
}

}  // namespace

Listener::Listener(asio::io_context& loop, SocketName name, std::optional<gid_t> group)
    : name_(std::move(name)), acceptor_(loop) {
  try {
    if (name_.path.empty()) {
      bind_tcp();
    } else {
      if (name_.path.size() >= sizeof(sockaddr_un::sun_path))
        throw std::runtime_error("the path is too long");
      clear(loop, name_.path);
      bind_unix(group);
    }
    acceptor_.listen(kBacklog);
  } catch (const boost::system::system_error& error) {
    close();
    throw std::runtime_error("cannot listen on " + name_.to_string() + ": " +
                             error.code().message());
  } catch (const std::runtime_error& error) {
    close();
    throw std::runtime_error("cannot listen on " + name_.to_string() + ": " + error.what());
  }
}

Listener::~Listener() {
  close();
}

void Listener::bind_unix(std::optional<gid_t> group) {
  const Stream::endpoint endpoint(asio::local::stream_protocol::endpoint(name_.path));
  acceptor_.open(endpoint.protocol());
  const char* path = name_.path.c_str();
  const auto check = [](bool worked) {
    if (!worked) throw std::runtime_error(std::strerror(errno));
  };
  check(::fchmod(acceptor_.native_handle(), kMode) == 0);
  acceptor_.bind(endpoint);
  struct stat made;
  check(::lstat(path, &made) == 0);
  device_ = made.st_dev;
  inode_ = made.st_ino;
  if (group) check(::lchown(path, static_cast<uid_t>(-1), *group) == 0);
  check(::chmod(path, kMode) == 0);
}

void Listener::bind_tcp() {
  using asio::ip::tcp;
  const auto& address = name_.address;
  const tcp::endpoint endpoint =
      address.is_v4() ? tcp::endpoint(asio::ip::address_v4(address.v4_host_order()), name_.port)
                      : tcp::endpoint(asio::ip::address_v6(address.bytes()), name_.port);
  acceptor_.open(Stream::endpoint(endpoint).protocol());
  acceptor_.set_option(Acceptor::reuse_address(true));
  if (!address.is_v4()) acceptor_.set_option(asio::ip::v6_only(true));
  acceptor_.bind(endpoint);
  sockaddr_storage bound{};
  socklen_t length = sizeof bound;
  if (::getsockname(acceptor_.native_handle(), reinterpret_cast<sockaddr*>(&bound), &length) != 0)
    throw std::runtime_error(std::strerror(errno));
  // The port is at the same place in both families.
  name_.port = ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

void Listener::close() noexcept {
  error_code ignored;
  acceptor_.close(ignored);
  struct stat found;
  if (inode_ != 0 && ::lstat(name_.path.c_str(), &found) == 0 && found.st_dev == device_ &&
      found.st_ino == inode_)
    ::unlink(name_.path.c_str());
  inode_ = 0;
}

}  // namespace postern::milter
