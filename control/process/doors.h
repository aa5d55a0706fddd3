// SPDX-License-Identifier: BSD-3-Clause
//
// Doors: the listening sockets of a program with several workers. They belong to the parent and
// outlive every worker: connections wait in them while a worker is started again or another version
// of the program takes over, so that none is refused. A door that all workers share has one socket
// for each, and Steering says who gets a connection; the others belong to one worker.
#pragma once

#include <list>
#include <optional>
#include <string>
#include <vector>

#include "control/listen/listening_socket.h"
#include "control/listen/steering.h"

namespace postern::process {

struct WantedDoor {
  std::string purpose;  // what it is for, in the words of whoever serves it
  listen::Place place;
  bool for_all_workers = true;                // TCP only
  size_t worker = 0;                          // whose it is, where it is not for all
  std::optional<gid_t> group = std::nullopt;  // of a Unix socket
};

struct GivenSocket {
  std::string purpose;
  listen::ListeningSocket socket;
};

class Doors {
 public:
  // inherited: sockets that listen already, of systemd or of the version before; those that are at
  // a wanted place are taken, the others closed. Throws std::runtime_error naming the place.
  Doors(const std::vector<WantedDoor>& wanted, const listen::Steering& steering,
        std::vector<listen::ListeningSocket> inherited);

  const listen::Steering& steering() const noexcept { return steering_; }
  // Where they are, with the ports that the kernel chose; joined by commas.
  std::string places(const std::string& purpose) const;
  // Descriptors of all sockets, in an order in which another Doors takes them.
  std::vector<int> descriptors() const;
  // In a worker, which has no business with the others' sockets: gives those that are its own, and
  // closes the rest.
  std::vector<GivenSocket> take(size_t worker);
  // They are another process's now: the files of Unix sockets stay where they are.
  void abandon();

 private:
  struct Door {
    WantedDoor wanted;
    std::vector<listen::ListeningSocket> sockets;
    std::optional<listen::SocketFile> file;
  };
  Door open(const WantedDoor& wanted, std::vector<listen::ListeningSocket>& inherited) const;

  listen::Steering steering_;
  std::list<Door> doors_;
};

}  // namespace postern::process
