// SPDX-License-Identifier: BSD-3-Clause
//
// Device: a network interface that serves as one of the engine's ports. On a wire it has to be up
// and take frames for any MAC address, as none is addressed to it; what was changed for that is put
// back when the Device goes, unless keep() was called.
#pragma once

#include <string>

namespace postern::xdp {

class Device {
 public:
  // Throws std::runtime_error when there is no such interface.
  explicit Device(std::string name);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const std::string& name() const noexcept { return name_; }
  int index() const noexcept { return index_; }

  // Up and promiscuous. Throws std::runtime_error.
  void become_wire();
  // Leaves the interface as it is now.
  void keep() noexcept { added_flags_ = 0; }

 private:
  std::string name_;
  int index_;
  short added_flags_ = 0;  // IFF_*, that it did not have before
};

}  // namespace postern::xdp
