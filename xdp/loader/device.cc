// SPDX-License-Identifier: BSD-3-Clause
//
// Interface flags through ioctl (netdevice(7)), for xdp/loader/device.h.
#include "xdp/loader/device.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "xdp/loader/file_descriptor.h"
#include "xdp/loader/kernel_error.h"

namespace postern::xdp {
namespace {

ifreq request_for(const std::string& name) noexcept {
  ifreq request{};
  std::strncpy(request.ifr_name, name.c_str(), sizeof(request.ifr_name) - 1);
  return request;
}

// 0, or what errno was. flags: set where `set`, else only read.
int interface_flags(const std::string& name, bool set, short& flags) noexcept {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return errno;
  auto request = request_for(name);
  request.ifr_flags = flags;
  if (ioctl(socket.get(), set ? SIOCSIFFLAGS : SIOCGIFFLAGS, &request) != 0) return errno;
  flags = request.ifr_flags;
  return 0;
}

}  // namespace

Device::Device(std::string name) : name_(std::move(name)) {
  index_ = name_.size() < IFNAMSIZ ? static_cast<int>(if_nametoindex(name_.c_str())) : 0;
  if (index_ == 0)
    throw std::runtime_error("no network device " + name_ +
                             "; `ip link` lists those of this network namespace");
}

void Device::become_wire() {
  short flags = 0;
  if (const int error = interface_flags(name_, false, flags))
    throw kernel_error("cannot read the flags of " + name_, error);
  const auto missing = static_cast<short>((IFF_UP | IFF_PROMISC) & ~flags);
  if (missing == 0) return;
  auto wanted = static_cast<short>(flags | missing);
  if (const int error = interface_flags(name_, true, wanted))
    throw kernel_error("cannot bring " + name_ + " up and make it promiscuous", error);
  added_flags_ = missing;
}

Device::~Device() {
  short flags = 0;
  if (added_flags_ == 0 || interface_flags(name_, false, flags) != 0) return;
  flags = static_cast<short>(flags & ~added_flags_);
  interface_flags(name_, true, flags);  // best effort: the device may be gone
}

}  // namespace postern::xdp
