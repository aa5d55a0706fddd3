// SPDX-License-Identifier: BSD-3-Clause
//
// Device: a network interface that serves as one of the engine's ports. Its frames have to come as
// they are on the wire (dataplane/engine/true_frames.h); on a wire it also has to be up and take
// frames for any MAC address, as none is addressed to it. What was changed for that is put back
// when the Device goes, unless keep() was called.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataplane/engine/true_frames.h"

namespace postern::xdp {

class Device {
 public:
  // Throws std::runtime_error when there is no such interface.
  explicit Device(std::string name);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const noexcept { return interface_.name(); }
  int index() const noexcept { return index_; }

  // Octets. Throws std::runtime_error.
  unsigned mtu() const;
  // Frames as they are on the wire, where the program reads them. Throws std::runtime_error.
  void become_true(ReadAt where);
  // Up, promiscuous, all multicast. Throws std::runtime_error.
  void become_wire();
  // The offloads that had to be turned off for it.
  std::vector<std::string> turned_off() const;
  // Leaves the interface as it is now.
  void keep() noexcept;

 private:
  KernelInterface interface_;
  int index_;
  short added_flags_ = 0;  // IFF_*, that it did not have before
  std::optional<TrueFrames> frames_;
};

}  // namespace postern::xdp
