// SPDX-License-Identifier: BSD-3-Clause
//
// Port: one end of the wire as a DPDK device: found or created from what the operator wrote, set up
// with one queue pair per worker, started, and closed again. Packets go through it as they are: no
// VLAN stripping, no checksum or segmentation offloads, no coalescing of segments (LRO), all
// addresses accepted. The MTU stays what the device, or the
// kernel's interface under it, says.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/dpdk/interface_claim.h"
#include "dataplane/engine/link_watch.h"
#include "dataplane/engine/true_frames.h"

struct rte_mempool;

namespace postern::dpdk {

// What the operator writes for a port: "0000:01:00.0" (also "01:00.0"), or "net_tap0,iface=tap0".
struct PortName {
  enum class Kind { kPci, kVdev };
  Kind kind;
  std::string text;    // whole: device and arguments; a PCI address with its domain
  std::string device;  // the part before the first comma

  // Throws std::runtime_error when it is neither.
  static PortName parse(std::string_view text);
  // The value of an argument (iface=...); empty when there is none.
  std::string argument(std::string_view name) const;
};

inline constexpr const char* kVhostNet = "/dev/vhost-net";

// The device by which this host's kernel gets an interface of that name: its MAC address is that of
// the port that it stands behind. vhost: by virtio-user, with so many queues; else a TAP.
PortName host_port(const std::string& interface, const std::string& mac, bool vhost,
                   uint16_t queues);

// Whether a device that says so of itself hands on frames other than they were: vlan_offload as of
// rte_eth_dev_get_vlan_offload (negative: it knows none), rx_offloads RTE_ETH_RX_OFFLOAD_*.
bool changes_frames(int vlan_offload, uint64_t rx_offloads) noexcept;

class Port {
 public:
  // role: "wan" or "mx", for messages. Creates the device when it is a vdev; a PCI device must have
  // been given to EAL. Throws std::runtime_error with one line.
  Port(std::string role, const PortName& name);
  // Stops and closes the device.
  ~Port();
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  uint16_t id() const noexcept { return id_; }
  const std::string& role() const noexcept { return role_; }
  uint16_t mtu() const noexcept { return mtu_; }
  // The MTU that mbufs need room for, where the driver wants more than its own.
  uint16_t room() const noexcept { return room_; }
  std::string_view driver() const noexcept { return driver_; }
  std::string mac() const;
  // NUMA node of the device; -1 where it has none.
  int socket() const noexcept;
  // Descriptors that set_up() will use, in all.
  unsigned descriptors(uint16_t queues) const noexcept;

  // queues: one pair per worker. `pool` outlives this.
  void set_up(uint16_t queues, rte_mempool* pool);
  // Whether it takes what is for any MAC address; what stands for a host takes its own.
  enum class Takes { kAll, kOwn };
  void start(Takes takes = Takes::kAll);
  // Octets; as far as its driver lets that be set.
  void take_mtu(uint16_t mtu) noexcept;
  // As its cable; outlived by this. Of a kernel interface, what the kernel says of it.
  LinkEnd& link() noexcept { return *link_; }

 private:
  void create_vdev(const PortName& name);
  void find_pci(const PortName& name);
  void learn_mtu(const PortName& name, uint16_t largest);
  void require_true_frames();
  [[noreturn]] void fail(std::string_view what, int error) const;

  std::string role_, text_;
  // These outlive the device. Only where it drives an interface of the kernel's.
  std::optional<InterfaceClaim> claim_;
  std::optional<TrueFrames> frames_;
  std::unique_ptr<LinkEnd> link_;
  bool created_ = false;  // a vdev of ours, unplugged at the end
  bool started_ = false;
  uint16_t id_ = 0;
  uint16_t mtu_ = 0;
  uint16_t room_ = 0;
  uint16_t rx_descriptors_ = 0, tx_descriptors_ = 0;
  std::string driver_;
};

}  // namespace postern::dpdk
