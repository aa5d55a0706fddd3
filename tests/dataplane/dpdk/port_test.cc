// SPDX-License-Identifier: BSD-3-Clause
//
// Ports: how their names are read, and what is said of a device that is not to be had.
#include "dataplane/dpdk/port.h"

#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <cerrno>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "dataplane/dpdk/packet_pool.h"
#include "tests/dataplane/dpdk/ring_wire.h"

namespace postern::dpdk {
namespace {

std::string refusal_of(const std::function<void()>& attempt) {
  try {
    attempt();
  } catch (const std::runtime_error& refused) {
    return refused.what();
  }
  return "not refused";
}

std::string refusal_of(const std::string& name) {
  test_eal();
  return refusal_of([&] { Port("wan", PortName::parse(name)); });
}

TEST(PortName, KnowsPciAddresses) {
  const auto whole = PortName::parse("0000:3b:00.1");
  EXPECT_EQ(whole.kind, PortName::Kind::kPci);
  EXPECT_EQ(whole.device, "0000:3b:00.1");
  const auto shorter = PortName::parse("3b:00.1,representor=0");
  EXPECT_EQ(shorter.kind, PortName::Kind::kPci);
  EXPECT_EQ(shorter.device, "0000:3b:00.1");
  EXPECT_EQ(shorter.text, "0000:3b:00.1,representor=0");
}

TEST(PortName, KnowsVdevsAndTheirArguments) {
  const auto name = PortName::parse("net_af_xdp0,iface=wan0,queue_count=2");
  EXPECT_EQ(name.kind, PortName::Kind::kVdev);
  EXPECT_EQ(name.device, "net_af_xdp0");
  EXPECT_EQ(name.argument("iface"), "wan0");
  EXPECT_EQ(name.argument("queue_count"), "2");
  EXPECT_EQ(name.argument("queue"), "");
  EXPECT_EQ(name.argument("net_af_xdp0"), "");
}

TEST(PortName, RefusesAnythingElse) {
  for (const auto* text : {"", "eth0", "wan0", "0000:3b:00", "0000:3g:00.1", ",iface=x"})
    EXPECT_THROW(PortName::parse(text), std::runtime_error) << text;
  EXPECT_NE(refusal_of("eth0").find("net_af_xdp0,iface=NAME"), std::string::npos);
}

TEST(Port, SaysWhatIsWrongInOneLine) {
  const struct {
    const char* name;
    const char* why;
  } cases[] = {
      {"net_nosuchdriver0", "no DPDK driver takes the name"},
      {"net_af_xdp7", "say which interface"},
      {"net_af_packet7,iface=postern-none", "there is no interface 'postern-none'"},
      {"fffe:00:00.0", "there is no PCI device fffe:00:00.0"},
  };
  for (const auto& test : cases) {
    const auto line = refusal_of(test.name);
    EXPECT_TRUE(line.starts_with("wan: ")) << line;
    EXPECT_NE(line.find(test.why), std::string::npos) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
}

TEST(Port, ADeviceIsCreatedSetUpAndGone) {
  test_eal();
  const PacketPool pool(2047, 1500, -1);
  for (int round = 0; round < 2; round++) {  // the second finds the name free again
    Port port("wan", PortName::parse("net_null5,size=60"));
    EXPECT_EQ(port.driver(), "net_null");
    EXPECT_NE(refusal_of("net_null5").find("is taken"), std::string::npos);
    EXPECT_GT(port.descriptors(2), port.descriptors(1));
    port.set_up(1, pool.get());
    port.start();
  }
}

TEST(Port, MoreCoresThanQueuesAreRefused) {
  test_eal();
  const PacketPool pool(2047, 1500, -1);
  Port port("mx", PortName::parse("net_ring5"));
  const auto line = refusal_of([&] { port.set_up(200, pool.get()); });
  EXPECT_TRUE(line.starts_with("mx: net_ring5: offers ")) << line;
  EXPECT_NE(line.find("fewer --cores"), std::string::npos) << line;
}

TEST(PortName, ThatStandsForThisHost) {
  const auto tap = host_port("mail0", "02:00:00:00:00:01", false, 2);
  EXPECT_EQ(tap.device, "net_tap_host");
  EXPECT_EQ(tap.argument("iface"), "mail0");
  EXPECT_EQ(tap.argument("mac"), "02:00:00:00:00:01");
  const auto vhost = host_port("mail0", "02:00:00:00:00:01", true, 2);
  EXPECT_EQ(vhost.device, "net_virtio_user_host");
  EXPECT_EQ(vhost.argument("iface"), "mail0");
  EXPECT_EQ(vhost.argument("queues"), "2");
  EXPECT_EQ(vhost.argument("path"), "/dev/vhost-net");
}

TEST(Port, FramesThatTheDeviceChangesAreNotTaken) {
  EXPECT_FALSE(changes_frames(0, 0));
  EXPECT_FALSE(changes_frames(-ENOTSUP, 0));
  EXPECT_FALSE(changes_frames(RTE_ETH_VLAN_FILTER_OFFLOAD,
                              RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_IPV4_CKSUM));
  EXPECT_TRUE(changes_frames(RTE_ETH_VLAN_STRIP_OFFLOAD, 0));
  EXPECT_TRUE(changes_frames(RTE_ETH_QINQ_STRIP_OFFLOAD | RTE_ETH_VLAN_FILTER_OFFLOAD, 0));
  EXPECT_TRUE(changes_frames(0, RTE_ETH_RX_OFFLOAD_TCP_LRO));
  EXPECT_TRUE(changes_frames(-ENOTSUP, RTE_ETH_RX_OFFLOAD_VLAN_STRIP));
}

// Any device that a driver of the kernel holds; DPDK would have to be given it first.
TEST(Port, ADeviceThatTheKernelHoldsIsNamedWithItsDriver) {
  std::string held;
  std::error_code absent;
  for (const auto& device : std::filesystem::directory_iterator("/sys/bus/pci/devices", absent)) {
    const auto driver = std::filesystem::read_symlink(device.path() / "driver", absent);
    if (!absent && !driver.filename().string().starts_with("vfio"))
      held = device.path().filename().string();
  }
  if (held.empty()) GTEST_SKIP() << "no PCI device here has a driver of the kernel";
  const auto line = refusal_of(held);
  EXPECT_NE(line.find("is held by the kernel driver "), std::string::npos) << line;
  EXPECT_NE(line.find("dpdk-devbind.py --bind=vfio-pci " + held), std::string::npos) << line;
}

TEST(InterfaceClaim, IsForOneHolderAtATime) {
  {
    const InterfaceClaim claim("lo", false);
    EXPECT_NE(refusal_of([] { InterfaceClaim("lo", false); }).find("already"), std::string::npos);
  }
  EXPECT_EQ(refusal_of([] { InterfaceClaim("lo", false); }), "not refused");
  EXPECT_NE(refusal_of([] { InterfaceClaim("postern-none", false); }).find("no interface"),
            std::string::npos);
}

}  // namespace
}  // namespace postern::dpdk
