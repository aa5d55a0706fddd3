// SPDX-License-Identifier: BSD-3-Clause
//
// Whether a device sends what native XDP redirects to it. Since 6.3 the kernel keeps a word for
// each device of what its driver can do, goes by it, and tells it by generic netlink (family
// netdev, Documentation/netlink/specs/netdev.yaml); a frame for a device that cannot is lost,
// uncounted.
#pragma once

#include <cstdint>
#include <optional>

#include "xdp/loader/device.h"

namespace postern::xdp {

// NETDEV_XDP_ACT_* of the kernel's include/uapi/linux/netdev.h, which Debian 12's headers lack.
inline constexpr uint64_t kSendsRedirected = 4, kSendsInParts = 64;

// nullopt: this kernel does not tell.
std::optional<uint64_t> xdp_features(int ifindex) noexcept;

// in_parts: frames may be larger than a page. To be asked when the program is attached, as some
// drivers can only then. Throws std::runtime_error: one line that says what the driver lacks.
void require_redirect_target(const Device& device, bool in_parts);

}  // namespace postern::xdp
