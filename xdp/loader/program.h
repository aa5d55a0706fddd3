// SPDX-License-Identifier: BSD-3-Clause
//
// Program: the BPF program of xdp/bpf/postern.bpf.c, loaded into the kernel with maps of its own or
// tables that a dead process left, and typed access to them. It is attached to nothing: that is
// xdp/loader/attachment.h. When it is destroyed, program and maps live on only where something else
// holds them (a link, a pin).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "dataplane/core/limit.h"
#include "dataplane/engine/sample_ring.h"
#include "rules/abi/counters.h"
#include "xdp/bpf/config.h"
#include "xdp/loader/former_tables.h"
#include "xdp/loader/mapped.h"

struct postern_bpf;
struct ring_buffer;

namespace postern::xdp {

class Program {
 public:
  static constexpr uint32_t kDefaultDynamicEntries = 65536;
  static constexpr uint32_t kMaxDynamicEntries = 1u << 24;

  static constexpr uint32_t kDefaultLimitSources = 65536;
  static constexpr uint32_t kMaxLimitSources = 1u << 26;

  // How a frame lies in memory.
  enum class Frames {
    kWhole,   // in one part, which holds an MTU of 1504 octets with every driver
    kInParts  // of which the program sees the first (xdp.frags), for any MTU
  };

  // pairs: 1 to PS_MAX_PAIRS. dynamic_entries: 1 to kMaxDynamicEntries, and limit_sources likewise;
  // both rounded up to whole buckets, a power of two of them. former: tables that are used on, each
  // where it has the size that is asked for. Throws std::runtime_error.
  explicit Program(uint32_t dynamic_entries = kDefaultDynamicEntries,
                   uint32_t limit_sources = kDefaultLimitSources, Frames frames = Frames::kWhole,
                   uint32_t pairs = 1, const FormerTables& former = {});
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Ports by interface index; mx 0 where the topology has none. Before the first packet: as many
  // pairs as the program was made for. Throws.
  struct Pair {
    int wan_ifindex, mx_ifindex;
    // Octets of the largest frame that each takes, and is redirected to it.
    uint32_t wan_room = UINT32_MAX, mx_room = UINT32_MAX;
  };
  void set_ports(ps_topology topology, std::span<const Pair> pairs);
  void set_ports(ps_topology topology, int wan_ifindex, int mx_ifindex) {
    const Pair pair{wan_ifindex, mx_ifindex};
    set_ports(topology, {&pair, 1});
  }
  // Of a port that set_ports() placed, while packets come: what the other one takes now.
  void set_room(int ifindex, uint32_t room_of_other) noexcept;
  // Puts an image (a whole number of chunks) into force: a new inner map and one update of the
  // outer one. When it returns, the kernel has waited until no packet is judged by the old image,
  // whose memory is given back. Returns what that one counted. Throws and leaves the old one in
  // force.
  std::vector<ps_cell_count> load_image(std::span<const std::byte> image);
  // The image in force, shared with the program; empty before the first.
  std::span<std::byte> live_image() const noexcept;
  // What has been counted by it, the sum over all CPUs, per cell of its matrix.
  std::vector<ps_cell_count> cell_counts() const;
  // Of a pair of ports, the sum over all CPUs. Throws.
  ps_counters counters(uint32_t pair = 0) const;
  // How many replies may be sent in a second, by so many CPUs (1 or more) together; also while
  // packets come.
  void set_answers(uint64_t per_second, unsigned cpus);
  ps_cookie_keys& cookie_keys() noexcept;
  // Where a DynamicTable keeps a copy of its gate for the program.
  ps_dynamic_gate& dynamic_gate() noexcept;
  // Headers and their buckets, shared with the program.
  std::span<ps_dynamic_bucket> dynamic_memory() const noexcept;
  std::span<ps_limit_bucket> limit_memory() const noexcept;
  // Of which packets it takes samples.
  void set_sampling(const ps_sampling& sampling) noexcept;
  // Hands over the samples that lie in the ring, oldest first.
  void drain_samples(const TakeSample& take);
  // The time that the program sees, where a test sets one; 0: the kernel's.
  void set_test_time(uint64_t now_ns) noexcept;

  int fd() const noexcept;
  // Name and descriptor of each map worth pinning.
  struct NamedMap {
    const char* name;
    int fd;
  };
  std::array<NamedMap, 5> maps() const noexcept;

 private:
  struct Destroy {
    void operator()(postern_bpf* skeleton) const noexcept;
  };
  struct FreeRing {
    void operator()(ring_buffer* ring) const noexcept;
  };
  static int take_record(void* context, void* record, size_t bytes);

  std::unique_ptr<postern_bpf, Destroy> skeleton_;
  std::unique_ptr<ring_buffer, FreeRing> ring_;  // of samples
  const TakeSample* take_ = nullptr;             // during drain_samples()
  uint32_t pairs_;
  std::unique_ptr<Mapped> dynamic_;
  std::unique_ptr<Mapped> limits_;
  std::unique_ptr<Mapped> image_;  // of the snapshot in force, and what CPUs count by it behind it
  size_t image_bytes_ = 0;
  size_t cells_ = 0;
};

}  // namespace postern::xdp
