// SPDX-License-Identifier: BSD-3-Clause
//
// Making an interface a port, and putting it back (xdp/loader/device.h).
#include "xdp/loader/device.h"

#include <net/if.h>

#include <stdexcept>
#include <system_error>
#include <utility>

#include "xdp/loader/kernel_error.h"

namespace postern::xdp {

Device::Device(std::string name) : interface_(std::move(name)) {
  const auto& text = interface_.name();
  index_ = text.size() < IFNAMSIZ ? static_cast<int>(if_nametoindex(text.c_str())) : 0;
  if (index_ == 0)
    throw std::runtime_error("no network device " + text +
                             "; `ip link` lists those of this network namespace");
}

unsigned Device::mtu() const {
  try {
    return interface_.mtu();
  } catch (const std::system_error& error) {
    throw kernel_error("cannot ask for the MTU of " + name(), error.code().value());
  }
}

void Device::become_true(ReadAt where) {
  frames_.emplace(interface_, where);
}

std::vector<std::string> Device::turned_off() const {
  return frames_ ? frames_->turned_off() : std::vector<std::string>();
}

void Device::become_wire() {
  try {
    const auto missing =
        static_cast<short>((IFF_UP | IFF_PROMISC | IFF_ALLMULTI) & ~interface_.flags());
    if (missing == 0) return;
    interface_.change_flags(missing, 0);
    added_flags_ = missing;
  } catch (const std::system_error& error) {
    throw kernel_error("cannot bring " + name() + " up and make it promiscuous",
                       error.code().value());
  }
}

void Device::keep() noexcept {
  added_flags_ = 0;
  if (frames_) frames_->keep();
}

Device::~Device() {
  if (added_flags_ == 0) return;
  try {
    interface_.change_flags(0, added_flags_);
  } catch (const std::exception&) {
    // Best effort: the device may be gone.
  }
}

}  // namespace postern::xdp
