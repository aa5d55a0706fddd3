// SPDX-License-Identifier: BSD-3-Clause
//
// Eal: DPDK's environment, from its start to its end. One per process, once. Lcore 0 is the thread
// that starts it: it serves the management API and floats over the cores that do not poll (over
// them all when every core polls); lcores 1..n are the workers, each pinned to its core.
#pragma once

#include <string>
#include <vector>

namespace postern::dpdk {

struct EalSettings {
  std::vector<unsigned> cores;     // one worker each; at least one
  unsigned memory_mb = 256;        // hugepages reserved at start
  std::vector<std::string> pci;    // addresses of the PCI devices; empty: PCI is left alone
  std::vector<std::string> extra;  // appended as they are
};

class Eal {
 public:
  // Throws std::runtime_error: one line that says what is missing and what to do about it.
  explicit Eal(const EalSettings& settings);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // The lcores of the workers, in the order of the cores.
  const std::vector<unsigned>& workers() const noexcept { return workers_; }

 private:
  std::vector<unsigned> workers_;
};

// The cores that this process may run on, ascending.
std::vector<unsigned> usable_cores();

// The arguments that the settings mean, the program's name first.
std::vector<std::string> eal_arguments(const EalSettings& settings,
                                       const std::vector<unsigned>& usable);

// From now on DPDK's own messages go to the log, one line each.
void log_eal_messages();

}  // namespace postern::dpdk
