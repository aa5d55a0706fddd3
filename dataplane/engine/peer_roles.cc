// SPDX-License-Identifier: BSD-3-Clause
//
// Asking the kernel for a peer's credentials (dataplane/engine/peer_roles.h): unix(7), SO_PEERCRED
// and SO_PEERGROUPS.
#include "dataplane/engine/peer_roles.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <vector>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59
#endif

namespace postern {
namespace {

std::optional<gid_t> group_of(const std::string& name) {
  if (name.empty()) return std::nullopt;
  gid_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error == std::errc() && end == name.data() + name.size()) return number;
  std::vector<char> room(1 << 16);
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, room.data(), room.size(), &found);
  if (!found) throw std::runtime_error("there is no group '" + name + "'");
  return found->gr_gid;
}

// The peer's group and its supplementary ones.
std::vector<gid_t> groups_of(int socket, const ucred& peer) {
  std::vector<gid_t> groups(32);
  socklen_t bytes = 0;
  for (;;) {
    bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) break;
    if (errno != ERANGE || bytes / sizeof(gid_t) <= groups.size()) {
      bytes = 0;
      break;
    }
    groups.resize(bytes / sizeof(gid_t));
  }
  groups.resize(bytes / sizeof(gid_t));
  groups.push_back(peer.gid);
  return groups;
}

}  // namespace

PeerRoles::PeerRoles(const std::string& operators, const std::string& readers)
    : operators_(group_of(operators)), readers_(group_of(readers)) {}

Caller PeerRoles::caller_of(int socket) const {
  ucred peer{};
  socklen_t bytes = sizeof peer;
  Caller caller;
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0) return caller;
  caller.name = "uid " + std::to_string(peer.uid) + " (pid " + std::to_string(peer.pid) + ")";
  caller.identity = {{"uid", peer.uid}, {"gid", peer.gid}, {"pid", peer.pid}};
  const auto is_in = [groups = groups_of(socket, peer)](const std::optional<gid_t>& group) {
    return group && std::ranges::find(groups, *group) != groups.end();
  };
  if (peer.uid == 0 || peer.uid == geteuid() || !are_by_group() || is_in(operators_))
    caller.role = Role::kOperator;
  else if (is_in(readers_))
    caller.role = Role::kReader;
  return caller;
}

}  // namespace postern
