// SPDX-License-Identifier: BSD-3-Clause
//
// Options: the command line and the config file of postern-dataplane, read into types. Each option
// may stand in either; the command line wins. No DPDK here.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/api_settings.h"
#include "dataplane/engine/last_good.h"

namespace postern::dpdk {

struct Options {
  // A PCI address, or a vdev string, for each wire; mx is empty in the host topology.
  std::vector<std::string> wan, mx;
  std::string host;         // the kernel's interface that takes the role of mx; empty: wires
  bool host_vhost = false;  // by virtio-user and vhost-net, instead of a TAP
  std::string snapshot;     // empty: the last good one, else none until one is loaded
  std::string state_dir;    // empty: no copy of the last good snapshot is kept
  BadSnapshot bad_snapshot = BadSnapshot::kRefuse;
  std::vector<std::string> fail_open;  // a bridge of the kernel's for each wire; none: fail closed
  ApiSettings api{.socket = "/run/postern/dataplane.sock"};
  std::vector<unsigned> cores;     // that poll; empty: the last one this process may use
  unsigned burst = 64;             // packets, 1..kMaxBurst
  unsigned idle_sleep_us = 0;      // 0: never sleep
  unsigned memory_mb = 256;        // hugepage memory reserved at start
  size_t dynamic_entries = 65536;  // room for at least so many
  size_t limit_sources = 65536;    // likewise, for limits
  uint64_t answers_per_second = kDefaultAnswersPerSecond;
  bool propagate_link = true;
  std::string cookie_secret;     // a file; empty: random
  std::vector<std::string> eal;  // further arguments for EAL
  bool profile = false;
  bool help = false, version = false;
};

// Pairs of ports that one engine drives at most.
inline constexpr size_t kMaxWires = 8;

// The command line cannot be meant: exit status 2.
class WrongUsage : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// arguments: without the program's name. Throws WrongUsage; std::runtime_error when the config file
// cannot be read or says what cannot be.
Options read_options(const std::vector<std::string>& arguments);
std::string options_help();

// "1,3-5" -> 1 3 4 5. Throws WrongUsage.
std::vector<unsigned> read_core_list(std::string_view text);

}  // namespace postern::dpdk
