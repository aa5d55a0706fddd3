// SPDX-License-Identifier: BSD-3-Clause
//
// Attachment: the BPF link that holds the program on one device. A link that an earlier process
// left on the device is taken over by exchanging its program in place, so that no packet slips
// through between the two; a link in another mode is replaced.
#pragma once

#include <optional>
#include <vector>

#include "xdp/loader/device.h"
#include "xdp/loader/file_descriptor.h"

namespace postern::xdp {

enum class Mode {
  kNative,  // in the driver
  kGeneric  // in the kernel's stack, for drivers that cannot; slow
};

// A link found pinned.
struct FormerLink {
  FileDescriptor link;
  int ifindex;  // the device that it is on; 0: that is gone
};
// nullopt when `fd` is not an XDP link.
std::optional<FormerLink> former_link(FileDescriptor fd) noexcept;

class Attachment {
 public:
  // former: the links an earlier process left; the one that is taken over is removed from there.
  // Throws std::runtime_error, which names the device and the way out.
  Attachment(const Device& device, int program_fd, Mode mode, std::vector<FormerLink>& former);

  int fd() const noexcept { return link_.get(); }
  bool taken_over() const noexcept { return taken_over_; }

 private:
  FileDescriptor link_;  // closing it detaches, unless it is pinned
  bool taken_over_ = false;
};

}  // namespace postern::xdp
