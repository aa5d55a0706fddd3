// SPDX-License-Identifier: BSD-3-Clause
//
// HostLookUp: the addresses of a host that the site names in its settings (a backend, a directory
// server), by the system's resolver, so that /etc/hosts and nsswitch.conf count. getaddrinfo waits
// for as long as it likes: each look-up has a thread of its own, and who asked waits only as long
// as he says. At most kMost are under way in the process, those included that nobody waits for any
// more; beyond that a look-up fails at once.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace postern::dns {

struct HostAddresses {
  std::vector<boost::asio::ip::address> addresses = {};  // in the resolver's order of preference
  std::string error = {};                                // where there are none
};

class HostLookUp {
 public:
  static constexpr size_t kMost = 16;
  // Called on a thread of its own; may wait, throws nothing.
  using Resolve = std::function<HostAddresses(const std::string& host)>;
  static HostAddresses by_the_system(const std::string& host);

  explicit HostLookUp(const boost::asio::any_io_executor& executor, Resolve resolve = by_the_system)
      : resolve_(std::move(resolve)), wait_(executor) {}

  // One at a time; the object outlives it. An address is its own only one, without any look-up.
  boost::asio::awaitable<HostAddresses> run(std::string host, std::chrono::milliseconds time);
  // In the process.
  static size_t under_way() noexcept;
  // What is under way ends with an error.
  void cancel() { wait_.cancel(); }

 private:
  Resolve resolve_;
  boost::asio::steady_timer wait_;
};

}  // namespace postern::dns
