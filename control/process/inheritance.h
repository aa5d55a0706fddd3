// SPDX-License-Identifier: BSD-3-Clause
//
// Inheritance: what a parent leaves to the next version of its program, which takes its place in
// the same process (execve): the listening sockets, the workers that still serve, and how sources
// are shared out. It is a few lines of text in a memory file, whose descriptor an environment
// variable names; the descriptors that it names stay open.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/listen/descriptor.h"

namespace postern::process {

struct Inheritance {
  struct Worker {
    pid_t pid;
    size_t number;
    int channel;
    int notifications;  // of refused system calls; -1: none
  };
  uint32_t steering_key = 0;
  bool was_ready = false;
  std::vector<int> sockets;
  std::vector<Worker> workers;

  // What the version before left to this process, and forgets it; nullopt: nothing. Its descriptors
  // are to be taken over. Throws std::runtime_error when it makes no sense.
  static std::optional<Inheritance> take();
  // Leaves it to the program that is executed next; the memory file that holds it, to be kept until
  // then. Throws std::system_error.
  listen::Descriptor leave() const;
  // Nothing is executed after all.
  void keep() const noexcept;
};

// Listening sockets that systemd hands to this process (LISTEN_FDS); it hands them out once.
std::vector<int> sockets_of_systemd();

}  // namespace postern::process
