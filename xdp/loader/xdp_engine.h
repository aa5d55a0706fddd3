// SPDX-License-Identifier: BSD-3-Clause
//
// XdpEngine: the packet engine in the kernel, as the management API sees it. Owns the loaded
// program, its links to the ports, and their pins. Constructed it enforces nothing; after attach()
// it does, until it is destroyed, or beyond that when keep() was called. One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/engine.h"
#include "dataplane/engine/link_watch.h"
#include "xdp/loader/attachment.h"
#include "xdp/loader/device.h"
#include "xdp/loader/former_tables.h"
#include "xdp/loader/pin_directory.h"
#include "xdp/loader/program.h"

namespace postern::xdp {

struct Settings {
  ps_topology topology = PS_TOPOLOGY_WIRE;
  // Device names, one of each for a pair; mx is empty exactly in the host topology, of one port.
  std::vector<std::string> wan, mx;
  std::string pin = "/sys/fs/bpf/postern";
  Mode mode = Mode::kNative;
  uint32_t dynamic_entries = Program::kDefaultDynamicEntries;
  uint32_t limit_sources = Program::kDefaultLimitSources;
  uint64_t answers_per_second = kDefaultAnswersPerSecond;
  bool propagate_link = true;  // in the wire topology
};

class XdpEngine : public Engine {
 public:
  // Throws std::runtime_error with one line that says what to do: a device that does not exist, a
  // pin directory in use, no permission, a kernel too old.
  explicit XdpEngine(const Settings& settings);
  ~XdpEngine() override;

  // Attaches to the ports and pins links and maps. Links that a dead process left pinned there are
  // taken over without a gap where they are on the same ports, and removed otherwise; its tables
  // were adopted when this was constructed. Throws; then what these links held in force is so
  // still.
  void attach();
  // Links stay in force, pinned, when this is destroyed.
  void keep() noexcept { keep_ = true; }
  // The offloads that had to be turned off, with their devices.
  struct TurnedOff {
    std::string device, offload;
  };
  std::vector<TurnedOff> turned_off() const;
  // Pairs of ports whose MTUs, in octets, differ.
  struct MtuDifference {
    std::string wan, mx;
    unsigned wan_mtu, mx_mtu;
  };
  std::vector<MtuDifference> mtu_differences() const;
  // How many ports were taken over.
  size_t taken_over() const noexcept;
  // What was kept of a dead process's tables; nullopt where none was found.
  struct Adopted {
    size_t entries, lost;  // lost: torn, or without room in a smaller table
    bool limits;           // false: they begin anew
  };
  const std::optional<Adopted>& adopted() const noexcept { return adopted_; }
  // Tables that were found and are not used.
  const std::vector<FormerTables::Refused>& refused_tables() const noexcept {
    return former_.refused;
  }

  std::string_view kind() const noexcept override { return "xdp"; }
  std::string_view topology() const noexcept override;
  // Outbound rules need an inside port. Signatures are left to control.
  uint32_t features() const noexcept override {
    return PS_FEATURE_REFUSE | PS_FEATURE_LIMIT | PS_FEATURE_HARD | PS_FEATURE_SIGNATURE |
           (settings_.topology == PS_TOPOLOGY_WIRE ? PS_FEATURE_OUTBOUND : 0);
  }
  std::shared_ptr<const Snapshot> snapshot() const override { return snapshot_; }
  ps_counters counters() const override { return sum_of(pairs()); }
  std::vector<PortPair> pairs() const override;
  void attend() override;
  RuleCounts rule_counts() const override { return {program_.cell_counts(), {}}; }
  DynamicTable& dynamic() override { return dynamic_; }
  void set_sampling(const ps_sampling& sampling) noexcept override {
    program_.set_sampling(sampling);
  }
  void drain_samples(const TakeSample& take) override { program_.drain_samples(take); }

 protected:
  RuleCounts put_into_force(std::shared_ptr<const Snapshot> snapshot) override;
  std::span<std::byte> live_image() noexcept override { return program_.live_image(); }
  ps_cookie_keys& cookie_keys() noexcept override { return program_.cookie_keys(); }

 private:
  struct Port {
    std::string role;  // "wan", "mx", "wan2", …
    Device device;
    KernelLinkEnd link;
    std::optional<Attachment> attachment;
    Port(std::string port_role, const std::string& name)
        : role(std::move(port_role)), device(name), link(KernelInterface(name)) {}
  };

  static std::vector<std::unique_ptr<Port>> open_ports(const Settings& settings);
  unsigned largest_mtu() const;
  void take_rooms();
  void share_answers();
  void adopt();
  void take_ports();
  void put_back(const std::vector<std::string>& pinned,
                const std::vector<FormerLink>& others) noexcept;
  void watch_links();
  size_t ports_of_a_pair() const noexcept { return settings_.topology == PS_TOPOLOGY_WIRE ? 2 : 1; }
  // The other port of the one at `wan`.
  const Port& mx_of(size_t wan) const { return *ports_[wan + 1]; }

  Settings settings_;
  std::vector<std::unique_ptr<Port>> ports_;  // wan, mx, wan, mx, …; in topology host one
  PinDirectory pins_;
  FormerTables former_;  // the tables themselves while this is constructed
  Program program_;
  DynamicTable dynamic_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::optional<Adopted> adopted_;
  unsigned answering_cpus_ = 0;
  bool attached_ = false;
  bool keep_ = false;
  std::optional<LinkWatch> link_watch_;  // gone before the ports
};

}  // namespace postern::xdp
