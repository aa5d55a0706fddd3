// SPDX-License-Identifier: BSD-3-Clause
//
// KernelInterface: a network interface of the kernel by its name, as far as an engine has to know
// and change it: flags, MTU, carrier, and the features that ethtool(8) shows. Each call asks the
// kernel anew, by ioctl (netdevice(7), linux/ethtool.h), in the network namespace of the calling
// thread. Faults are std::system_error with the interface's name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

struct InterfaceFeature {
  std::string name;  // as the kernel calls it: "rx-gro", "rx-vlan-hw-parse"
  bool on = false;
  bool changeable = false;
};

class KernelInterface {
 public:
  explicit KernelInterface(std::string name) : name_(std::move(name)) {}

  const std::string& name() const noexcept { return name_; }

  short flags() const;  // IFF_*
  // Sets some and clears others; the rest stays.
  void change_flags(short set, short clear) const;
  unsigned mtu() const;
  // Whether a cable is in and somebody is at its other end. False while the interface is down.
  bool has_carrier() const;

  // Of the bridge, bond or other device that it belongs to; empty when it belongs to none.
  std::string master() const;
  // Receive queues in use; 1 where the driver does not say.
  unsigned queues() const;

  // Empty where the driver knows no features.
  std::vector<InterfaceFeature> features() const;
  // What the driver does not take it leaves as it is: look again.
  void change_features(const std::vector<std::string>& names, bool on) const;

 private:
  std::string name_;
};

}  // namespace postern
