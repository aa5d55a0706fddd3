// SPDX-License-Identifier: BSD-3-Clause
//
// DPDK devices as ports (dataplane/dpdk/port.h). Most of this file is about saying what is wrong
// with a device in words of the operator, since DPDK itself says a number.
#include "dataplane/dpdk/port.h"

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace postern::dpdk {
namespace {

constexpr uint16_t kDescriptors = 1024;

// RSS by a Toeplitz key of which every 16 bits are equal gives both directions of a connection the
// same hash (Woo and Park, "Scalable TCP Session Monitoring with Symmetric RSS", 2012).
constexpr std::array<uint8_t, 2> kSymmetricKey = {0x6d, 0x5a};
constexpr uint64_t kHashed = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP;

// Of net_af_packet: what a frame has room for unless framesz= says otherwise, and what of it is not
// for the frame's payload (PACKET_MMAP's header, Ethernet's, two tags).
constexpr unsigned kPacketSocketFrame = 2048;
constexpr unsigned kPacketSocketOverhead = 128;
constexpr unsigned kPage = 4096;

constexpr int kStrips = RTE_ETH_VLAN_STRIP_OFFLOAD | RTE_ETH_QINQ_STRIP_OFFLOAD;
constexpr uint64_t kRxChangers =
    RTE_ETH_RX_OFFLOAD_TCP_LRO | RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_QINQ_STRIP;

constexpr bool is_hex(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// dddd:bb:dd.f, or without the domain.
bool is_pci(std::string_view text) noexcept {
  constexpr std::string_view kShape = "hhhh:hh:hh.h";
  std::string_view shape = kShape;
  if (text.size() == 7) shape.remove_prefix(5);
  return text.size() == shape.size() &&
         std::equal(text.begin(), text.end(), shape.begin(), [](char c, char expected) {
           return expected == 'h' ? is_hex(c) : c == expected;
         });
}

std::string kernel_driver(const std::string& address) {
  std::error_code absent;
  const auto link =
      std::filesystem::read_symlink("/sys/bus/pci/devices/" + address + "/driver", absent);
  return absent ? "" : link.filename().string();
}

std::string why_no_pci_device(const std::string& address) {
  if (!std::filesystem::exists("/sys/bus/pci/devices/" + address))
    return "there is no PCI device " + address + " (`lspci -D` lists them)";
  const auto driver = kernel_driver(address);
  if (driver != "vfio-pci" && driver != "uio_pci_generic" && driver != "igb_uio")
    return "PCI device " + address + " is held by the kernel" +
           (driver.empty() ? "" : " driver " + driver) +
           "; hand it over with `dpdk-devbind.py --bind=vfio-pci " + address + "`";
  return "no DPDK driver takes PCI device " + address + ", or another process has it open";
}

bool has_prefix(const PortName& name, std::string_view driver) {
  return name.device.starts_with(driver);
}

std::string why_no_vdev(const PortName& name, int error) {
  switch (error) {
    case EFAULT:  // how the vdev bus says it
      return "no DPDK driver takes the name " + name.device;
    case EBUSY:
    case EEXIST:
      return "it is in use already";
    default:
      if (geteuid() != 0) return "DPDK cannot make this device; run as root";
      // Drivers often return plain -1 for anything; what they have to say, they log.
      return "DPDK cannot make this device; the lines before this one say why" +
             (error > 1 ? std::string(": ") + strerror(error) : std::string());
  }
}

// The link of a device that DPDK has to itself.
class DeviceLink : public LinkEnd {
 public:
  DeviceLink(uint16_t id, std::string name) : id_(id), name_(std::move(name)) {}
  std::string name() const override { return name_; }
  bool has_carrier() override {
    rte_eth_link link{};
    return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
  }
  bool set_up(bool up) override {
    return (up ? rte_eth_dev_set_link_up(id_) : rte_eth_dev_set_link_down(id_)) == 0;
  }

 private:
  uint16_t id_;
  std::string name_;
};

}  // namespace

PortName PortName::parse(std::string_view text) {
  PortName name{Kind::kVdev, std::string(text), std::string(text.substr(0, text.find(',')))};
  if (is_pci(name.device)) {
    name.kind = Kind::kPci;
    if (name.device.size() == 7) {
      name.device = "0000:" + name.device;
      name.text = "0000:" + name.text;
    }
  } else if (!name.device.starts_with("net_") && !name.device.starts_with("eth_")) {
    throw std::runtime_error("'" + name.device +
                             "' is neither a PCI address (0000:01:00.0) nor a vdev "
                             "(net_af_xdp0,iface=NAME for a kernel interface)");
  }
  return name;
}

std::string PortName::argument(std::string_view name) const {
  std::string_view rest = text;
  while (!rest.empty()) {
    const auto comma = rest.find(',');
    const auto item = rest.substr(0, comma);
    if (item.size() > name.size() && item.starts_with(name) && item[name.size()] == '=')
      return std::string(item.substr(name.size() + 1));
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
  }
  return {};
}

PortName host_port(const std::string& interface, const std::string& mac, bool vhost,
                   uint16_t queues) {
  if (!vhost) return PortName::parse("net_tap_host,iface=" + interface + ",mac=" + mac);
  return PortName::parse("net_virtio_user_host,path=" + std::string(kVhostNet) +
                         ",iface=" + interface + ",mac=" + mac +
                         ",queue_size=1024,queues=" + std::to_string(queues));
}

bool changes_frames(int vlan_offload, uint64_t rx_offloads) noexcept {
  return (vlan_offload > 0 && (vlan_offload & kStrips) != 0) || (rx_offloads & kRxChangers) != 0;
}

Port::Port(std::string role, const PortName& name) : role_(std::move(role)), text_(name.text) {
  if (name.kind == PortName::Kind::kVdev)
    create_vdev(name);
  else
    find_pci(name);
  rte_eth_dev_info info;
  if (const int error = rte_eth_dev_info_get(id_, &info); error != 0)
    fail("does not describe itself", error);
  driver_ = info.driver_name ? info.driver_name : "";
  if (frames_)
    link_ = std::make_unique<KernelLinkEnd>(KernelInterface(name.argument("iface")));
  else
    link_ = std::make_unique<DeviceLink>(id_, text_);
  learn_mtu(name, info.max_mtu);
  room_ = std::max(room_, mtu_);
  rx_descriptors_ = tx_descriptors_ = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors_, &tx_descriptors_);
}

void Port::create_vdev(const PortName& name) {
  if (rte_eth_dev_get_port_by_name(name.device.c_str(), &id_) == 0)
    fail("the name " + name.device + " is taken; each port needs its own", 0);
  const bool by_xdp = has_prefix(name, "net_af_xdp");
  if (by_xdp || has_prefix(name, "net_af_packet")) {  // they drive an interface of the kernel
    const auto interface = name.argument("iface");
    if (interface.empty()) fail("say which interface: " + name.device + ",iface=NAME", 0);
    try {
      claim_.emplace(interface, by_xdp);
      // AF_XDP may read behind GRO, too, where the driver has no native XDP.
      frames_.emplace(KernelInterface(interface), ReadAt::kStack);
    } catch (const std::runtime_error& refused) {
      fail(refused.what(), 0);
    }
  }
  // libxdp would share the interface with other XDP programs by a dispatcher; a wire owns it.
  if (by_xdp) setenv("LIBXDP_SKIP_DISPATCHER", "1", 0);
  if (const int error = rte_dev_probe(text_.c_str()); error != 0)
    fail(why_no_vdev(name, -error), 0);
  if (rte_eth_dev_get_port_by_name(name.device.c_str(), &id_) != 0)
    fail("it is no network device", 0);
  created_ = true;
}

// Of a kernel interface, what the kernel says: DPDK's drivers assume 1,500 there.
void Port::learn_mtu(const PortName& name, uint16_t largest) {
  if (rte_eth_dev_get_mtu(id_, &mtu_) != 0) mtu_ = RTE_ETHER_MTU;
  if (!frames_) return;
  const auto interface = name.argument("iface");
  const auto mtu = KernelInterface(interface).mtu();
  const auto lower = "; lower it (`ip link set dev " + interface + " mtu N`)";
  if (mtu > largest)
    fail("the MTU of " + interface + " is " + std::to_string(mtu) + ", and its driver " + driver_ +
             " takes at most " + std::to_string(largest) + lower +
             ", or use net_af_packet (slower)",
         0);
  if (has_prefix(name, "net_af_packet")) {
    const auto given = name.argument("framesz");
    const unsigned long room =
        given.empty() ? kPacketSocketFrame : strtoul(given.c_str(), nullptr, 10);
    if (room < mtu + kPacketSocketOverhead)
      fail("the MTU of " + interface + " is " + std::to_string(mtu) +
               ", and frames have room for " + std::to_string(room) + " octets; say framesz=" +
               std::to_string((mtu + kPacketSocketOverhead + kPage - 1) / kPage * kPage) +
               " and a blocksz= that is a multiple of it" + lower,
           0);
    room_ = static_cast<uint16_t>(std::min(room, 65535ul));
  }
  mtu_ = static_cast<uint16_t>(mtu);
}

void Port::find_pci(const PortName& name) {
  rte_dev_iterator found;
  id_ = RTE_MAX_ETHPORTS;
  if (rte_eth_iterator_init(&found, text_.c_str()) == 0) {
    id_ = rte_eth_iterator_next(&found);
    if (id_ != RTE_MAX_ETHPORTS) rte_eth_iterator_cleanup(&found);
  }
  if (id_ == RTE_MAX_ETHPORTS) fail(why_no_pci_device(name.device), 0);
}

Port::~Port() {
  rte_eth_dev_info info;
  rte_device* device = created_ && rte_eth_dev_info_get(id_, &info) == 0 ? info.device : nullptr;
  if (started_) rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  if (device) rte_dev_remove(device);
}

void Port::fail(std::string_view what, int error) const {
  throw std::runtime_error(role_ + ": " + text_ + ": " + std::string(what) +
                           (error != 0 ? std::string(": ") + strerror(-error) : ""));
}

std::string Port::mac() const {
  rte_ether_addr address{};
  rte_eth_macaddr_get(id_, &address);
  std::array<char, RTE_ETHER_ADDR_FMT_SIZE> text{};
  rte_ether_format_addr(text.data(), text.size(), &address);
  return text.data();
}

void Port::take_mtu(uint16_t mtu) noexcept {
  if (rte_eth_dev_set_mtu(id_, mtu) == 0) mtu_ = mtu;
  room_ = std::max(room_, mtu_);
}

int Port::socket() const noexcept {
  return rte_eth_dev_socket_id(id_);
}

unsigned Port::descriptors(uint16_t queues) const noexcept {
  return (unsigned{rx_descriptors_} + tx_descriptors_) * queues;
}

void Port::set_up(uint16_t queues, rte_mempool* pool) {
  rte_eth_dev_info info;
  if (const int error = rte_eth_dev_info_get(id_, &info); error != 0)
    fail("does not describe itself", error);
  const auto offered = std::min(info.max_rx_queues, info.max_tx_queues);
  if (queues > offered)
    fail("offers " + std::to_string(offered) + " queue(s) and " + std::to_string(queues) +
             " cores are to poll it; give fewer --cores, or the device more queues",
         0);

  rte_eth_conf conf{};
  // What is a kernel interface's own is not asked of its driver, which would refuse it.
  uint16_t mtu = mtu_;
  if (frames_) rte_eth_dev_get_mtu(id_, &mtu);
  conf.rxmode.mtu = mtu;
  std::array<uint8_t, 64> key{};
  for (size_t i = 0; i < key.size(); i++) key[i] = kSymmetricKey[i % 2];
  if (queues > 1 && (info.flow_type_rss_offloads & kHashed) != 0) {
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads & kHashed;
    if (info.hash_key_size > 0 && info.hash_key_size <= key.size()) {
      conf.rx_adv_conf.rss_conf.rss_key = key.data();
      conf.rx_adv_conf.rss_conf.rss_key_len = info.hash_key_size;
    }
  }
  if (const int error = rte_eth_dev_configure(id_, queues, queues, &conf); error != 0)
    fail("does not take its configuration", error);
  const auto node = static_cast<unsigned>(socket());
  for (uint16_t queue = 0; queue < queues; queue++) {
    if (const int error = rte_eth_rx_queue_setup(id_, queue, rx_descriptors_, node, nullptr, pool);
        error != 0)
      fail("cannot set up receive queue " + std::to_string(queue), error);
    if (const int error = rte_eth_tx_queue_setup(id_, queue, tx_descriptors_, node, nullptr);
        error != 0)
      fail("cannot set up send queue " + std::to_string(queue), error);
  }
  require_true_frames();
}

// No offload was asked for, but some drivers have one on by themselves.
void Port::require_true_frames() {
  const int strips = rte_eth_dev_get_vlan_offload(id_);
  if (changes_frames(strips, 0)) rte_eth_dev_set_vlan_offload(id_, strips & ~kStrips);
  rte_eth_rxq_info queue{};
  if (rte_eth_rx_queue_info_get(id_, 0, &queue) != 0) queue.conf.offloads = 0;
  if (changes_frames(rte_eth_dev_get_vlan_offload(id_), queue.conf.offloads))
    fail(
        "its driver takes VLAN tags out of frames or joins segments (LRO), and does not stop; "
        "turn that off in its arguments, or use another card",
        0);
}

void Port::start(Takes takes) {
  if (const int error = rte_eth_dev_start(id_); error != 0) fail("does not start", error);
  started_ = true;
  if (takes == Takes::kOwn) return;
  // A device that cannot be asked is one that filters nothing (rings, TAP).
  if (const int error = rte_eth_promiscuous_enable(id_); error != 0 && error != -ENOTSUP)
    fail("does not become promiscuous", error);
  if (const int error = rte_eth_allmulticast_enable(id_); error != 0 && error != -ENOTSUP)
    fail("does not accept all multicast", error);
}

}  // namespace postern::dpdk
