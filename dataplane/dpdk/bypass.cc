// SPDX-License-Identifier: BSD-3-Clause
//
// Looking at bridges (dataplane/dpdk/bypass.h).
#include "dataplane/dpdk/bypass.h"

#include <cstdlib>
#include <stdexcept>

#include "dataplane/engine/kernel_interface.h"

namespace postern::dpdk {
namespace {

bool reads_by(const PortName& port, std::string_view driver) {
  return port.kind == PortName::Kind::kVdev && port.device.starts_with(driver);
}

// How many of its interface's queues a net_af_xdp device reads.
unsigned queues_read(const PortName& port) {
  const auto count = port.argument("queue_count");
  return count.empty() ? 1u : static_cast<unsigned>(std::strtoul(count.c_str(), nullptr, 10));
}

void check_closed(const PortName& port, const KernelInterface& interface) {
  const auto master = interface.master();
  if (master.empty()) return;
  throw std::runtime_error(
      interface.name() + " belongs to " + master +
      ", which would carry frames past the engine; take it out (`ip link set "
      "dev " +
      interface.name() + " nomaster`)" +
      (reads_by(port, "net_af_xdp")
           ? ", or, to have frames pass when no engine runs, say --fail-open " + master
           : ""));
}

void check_open(const PortName& port, const KernelInterface& interface, const std::string& bridge) {
  const auto& name = interface.name();
  if (interface.master() != bridge)
    throw std::runtime_error(name + " is not in the bridge " + bridge +
                             " that frames are to take when no engine runs: `ip link add " +
                             bridge + " type bridge; ip link set dev " + name + " master " +
                             bridge + "; ip link set dev " + bridge + " up`");
  if (const auto queues = interface.queues(); queues > queues_read(port))
    throw std::runtime_error(name + " has " + std::to_string(queues) +
                             " queues and the engine reads " + std::to_string(queues_read(port)) +
                             ": frames on the others would take the bridge " + bridge +
                             " unjudged; `ethtool -L " + name + " combined " +
                             std::to_string(queues_read(port)) + "`, or raise queue_count=");
}

}  // namespace

void check_bypass(const PortName& port, const std::string& bridge) {
  const bool by_xdp = reads_by(port, "net_af_xdp"), by_packet = reads_by(port, "net_af_packet");
  if (!bridge.empty() && !by_xdp)
    throw std::runtime_error(
        "--fail-open needs ports of net_af_xdp, which leave their interfaces to "
        "the kernel when the engine ends; " +
        port.device + " does not");
  if (!by_xdp && !by_packet) return;
  const KernelInterface interface(port.argument("iface"));
  if (bridge.empty())
    check_closed(port, interface);
  else
    check_open(port, interface, bridge);
}

}  // namespace postern::dpdk
