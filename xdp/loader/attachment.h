// SPDX-License-Identifier: BSD-3-Clause
//
// Attachment: the BPF link that holds the program on one device. A link that an earlier process
// left on the device is taken over by exchanging its program in place, so that no packet slips
// through between the two; a link in another mode is replaced. In steps that can be undone: an
// engine that cannot start leaves in force what was.
#pragma once

#include <optional>
#include <string>
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
  int ifindex;      // the device that it is on; 0: that is gone
  std::string pin;  // its name
};
// nullopt when `fd` is not an XDP link.
std::optional<FormerLink> former_link(FileDescriptor fd, const std::string& pin);

class Attachment {
 public:
  // former: the links that an earlier process left; the one on this device is removed from there.
  // Changes nothing yet. The device must outlive this.
  Attachment(const Device& device, int program_fd, Mode mode, std::vector<FormerLink>& former);

  // First: a link of our own, where there is none in this mode. What is there in another mode goes,
  // as a device has one, where it could be put back: without CAP_SYS_ADMIN, which alone lets a
  // process have another's program, it could not. These two throw std::runtime_error, which names
  // the device and the way out.
  void make();
  // Then, once nothing else can go wrong: the program of a former link is exchanged for ours.
  void take_over();
  // Undoes both, as far as that can be. Returns what is in the former link's place now, to be
  // pinned where that was; nullopt: there was none.
  std::optional<FormerLink> put_back() noexcept;

  int fd() const noexcept { return link_ ? link_.get() : former_->link.get(); }
  bool taken_over() const noexcept { return taken_over_; }

 private:
  const Device& device_;
  const int program_;
  const Mode mode_;
  std::optional<FormerLink> former_;
  FileDescriptor former_program_;  // empty without CAP_SYS_ADMIN
  bool in_this_mode_ = false;      // the former link
  bool detached_ = false;          // likewise
  FileDescriptor link_;            // our own; closing it detaches, unless it is pinned
  bool taken_over_ = false;
};

}  // namespace postern::xdp
