// SPDX-License-Identifier: BSD-3-Clause
//
// Sockets that share a port are found by the kernel in the order in which they began to listen, and
// none is ever closed while others go on: the order would change. Where there are more than
// workers, as there are fewer than before, the program of Steering gives them nothing any more, and
// what still waits in them is accepted by the worker whose number is left by division.
#include "control/process/doors.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace postern::process {

using listen::ListeningSocket;
using listen::Place;

namespace {

bool is_at(const ListeningSocket& socket, const Place& wanted) {
  const Place& place = socket.place();
  if (place.path != wanted.path || place.address != wanted.address) return false;
  return place.port == wanted.port || wanted.port == 0;
}

}  // namespace

Doors::Doors(const std::vector<WantedDoor>& wanted, const listen::Steering& steering,
             std::vector<ListeningSocket> inherited)
    : steering_(steering) {
  for (const auto& one : wanted) doors_.push_back(open(one, inherited));
}

Doors::Door Doors::open(const WantedDoor& wanted, std::vector<ListeningSocket>& inherited) const {
  Door door{.wanted = wanted, .sockets = {}, .file = {}};
  Place place = wanted.place;
  const auto take = [&](ListeningSocket& socket) {
    if (!is_at(socket, place)) return false;
    place = socket.place();
    door.sockets.push_back(std::move(socket));
    return true;
  };
  std::erase_if(inherited, take);
  if (!place.path.empty()) {
    if (door.sockets.empty())
      door.sockets.push_back(ListeningSocket::unix_file(place, wanted.group));
    door.file.emplace(place.path);
    return door;
  }
  const size_t needed = wanted.for_all_workers ? steering_.workers() : 1;
  if (door.sockets.empty())
    listen::require_nobody_listens(place);
  else if (door.sockets.size() < needed && !door.sockets.front().is_shared())
    throw std::runtime_error("cannot share " + place.to_string() +
                             " among workers: its socket came without ReusePort=yes");
  while (door.sockets.size() < needed) {
    door.sockets.push_back(ListeningSocket::tcp(
        place, wanted.for_all_workers ? listen::Sharing::kShared : listen::Sharing::kAlone));
    place = door.sockets.back().place();
  }
  if (door.sockets.size() > 1)
    steering_.attach(door.sockets.front().fd(), place.address.is_v4() ? Family::kV4 : Family::kV6);
  return door;
}

std::string Doors::places(const std::string& purpose) const {
  std::string all;
  for (const auto& door : doors_) {
    if (door.wanted.purpose != purpose) continue;
    all += (all.empty() ? "" : ",") + door.sockets.front().place().to_string();
  }
  return all;
}

std::vector<int> Doors::descriptors() const {
  std::vector<int> all;
  for (const auto& door : doors_)
    for (const auto& socket : door.sockets) all.push_back(socket.fd());
  return all;
}

std::vector<GivenSocket> Doors::take(size_t worker) {
  std::vector<GivenSocket> given;
  abandon();
  for (auto& door : doors_)
    for (size_t i = 0; i < door.sockets.size(); i++)
      if ((door.wanted.for_all_workers ? i % steering_.workers() : door.wanted.worker) == worker)
        given.push_back({door.wanted.purpose, std::move(door.sockets[i])});
  doors_.clear();
  return given;
}

void Doors::abandon() {
  for (auto& door : doors_)
    if (door.file) door.file->abandon();
}

}  // namespace postern::process
