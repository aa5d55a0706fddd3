// SPDX-License-Identifier: BSD-3-Clause
//
// InterfaceClaim: the right of one process to drive a kernel interface (through AF_XDP or
// AF_PACKET), within its network namespace. DPDK's AF_XDP driver needs the guard: when it fails to
// set up, it takes down whatever XDP program the interface has, also that of a wire which is
// working. The claim ends with the process, however it ends.
#pragma once

#include <string>

namespace postern::dpdk {

class InterfaceClaim {
 public:
  // Throws std::runtime_error: there is no such interface, another wire has it, or, where AF_XDP
  // is to be used, it has an XDP program that is not the driver's own.
  InterfaceClaim(const std::string& interface, bool for_xdp);
  ~InterfaceClaim();
  InterfaceClaim(const InterfaceClaim&) = delete;
  InterfaceClaim& operator=(const InterfaceClaim&) = delete;

 private:
  int lock_;
};

// What libbpf says (it is underneath DPDK's AF_XDP driver) goes to the log from now on.
void log_bpf_messages();

}  // namespace postern::dpdk
