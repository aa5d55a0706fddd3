// SPDX-License-Identifier: BSD-3-Clause
//
// Steering: which of several workers that share a port gets a connection. One source always meets
// the same worker, so what is remembered of sources is whole although each worker remembers by
// itself: steered is by IPv4 /24 and IPv6 /64, the widest that is remembered (the greylist's). The
// kernel does it, by a classic BPF program on the sockets of the port (SO_ATTACH_REUSEPORT_CBPF,
// Linux 4.5), when the SYN comes. Behind load balancers the address in the packet is not the
// client's: any worker, at random.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rules/address/address.h"

namespace postern::listen {

class Steering {
 public:
  enum class By : uint8_t { kSource, kChance };

  // workers: at least 1. key: random, so that nobody can choose a worker.
  Steering(size_t workers, uint32_t key, By by) : workers_(workers), key_(key), by_(by) {}

  size_t workers() const noexcept { return workers_; }
  uint32_t key() const noexcept { return key_; }
  By by() const noexcept { return by_; }

  // Whose source this is: 0 up to workers() - 1. What may be anybody's (kChance) is everybody's.
  bool may_meet(const IpAddress& source, size_t worker) const noexcept;

  // Returns the index of a socket among those that share the port, in the order in which they began
  // to listen.
  std::vector<sock_filter> program(Family family) const;

  // Puts the program on all sockets that share the port of this one. Throws std::system_error.
  void attach(int socket, Family family) const;

 private:
  size_t workers_;
  uint32_t key_;
  By by_;
};

}  // namespace postern::listen
