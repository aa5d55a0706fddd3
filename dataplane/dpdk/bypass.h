// SPDX-License-Identifier: BSD-3-Clause
//
// Bypass: what carries a wire's frames while no engine runs. By default nothing does: the wire
// fails closed. With a bridge of the kernel's that holds both interfaces it fails open, for ports
// that are driven by AF_XDP: as long as the engine lives, it takes every frame before the bridge
// sees it, and at its death the kernel's program on the interface hands frames on to the bridge,
// without anybody having to notice. Nothing is changed here, only looked at: that nothing leads
// past the engine, or that what shall does.
//
// Limits: a card that DPDK has to itself is no interface of the kernel's, so it can only fail
// closed; and a bridge does not carry what IEEE 802.1 keeps to one link (spanning tree, LACP,
// 802.1X and, unless its group_fwd_mask says otherwise, LLDP).
#pragma once

#include <string>

#include "dataplane/dpdk/port.h"

namespace postern::dpdk {

// bridge: empty to fail closed. Throws std::runtime_error: one line that says what is in the way,
// and the command that helps.
void check_bypass(const PortName& port, const std::string& bridge);

}  // namespace postern::dpdk
