// SPDX-License-Identifier: BSD-3-Clause
//
// TrueFrames: while this lives, a kernel interface hands on frames as they were on the wire. Off
// are the features that would show an engine something else: VLAN tags taken out of the frame (they
// would be neither judged nor put back), and on a wire segments joined to one larger than the MTU
// (LRO, GRO), which no port would send. Attempts are never joined. What was turned off is turned on
// again at the end, unless keep() was called. A process that is killed leaves them off.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/engine/kernel_interface.h"

namespace postern {

// Where frames are read, which decides what has been done to them.
enum class ReadAt {
  kDriver,   // by native XDP
  kStack,    // by generic XDP, or a packet socket: behind GRO
  kOwnStack  // in front of this host's own stack, which takes joined segments as well
};

// Those of `features` that are on and would change frames, as the kernel calls them. Throws
// std::runtime_error, one line with the way out, when one cannot be turned off.
std::vector<std::string> frame_changers(const std::string& interface,
                                        std::span<const InterfaceFeature> features, ReadAt where);

class TrueFrames {
 public:
  // Throws std::runtime_error with one line.
  TrueFrames(KernelInterface interface, ReadAt where);
  ~TrueFrames();
  TrueFrames(const TrueFrames&) = delete;
  TrueFrames& operator=(const TrueFrames&) = delete;

  // What had to be turned off, as the kernel calls it.
  const std::vector<std::string>& turned_off() const noexcept { return turned_off_; }
  // Leaves it so.
  void keep() noexcept { turned_off_.clear(); }

 private:
  KernelInterface interface_;
  std::vector<std::string> turned_off_;
};

}  // namespace postern
