// SPDX-License-Identifier: BSD-3-Clause
//
// PeerRoles: who is at the other end of a Unix socket, and what they may: root and the engine's own
// user are operators, others are what the groups say that they are in. The kernel remembers the
// credentials of the moment in which the peer connected.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "dataplane/engine/caller.h"

namespace postern {

class PeerRoles {
 public:
  // Names of groups, or their numbers; empty: none. Throws std::runtime_error for one that there is
  // not. Where both are empty, whoever the socket's file lets in is an operator.
  PeerRoles(const std::string& operators, const std::string& readers);

  // Whether the groups decide, and not the socket's file.
  bool are_by_group() const noexcept { return operators_ || readers_; }
  // socket: connected, AF_UNIX. Nobody where the kernel does not say who it is.
  Caller caller_of(int socket) const;

 private:
  std::optional<gid_t> operators_, readers_;
};

}  // namespace postern
