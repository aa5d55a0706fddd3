// SPDX-License-Identifier: BSD-3-Clause
//
// Engine: what every packet engine offers to the management API, whichever way it moves packets.
// The API server calls these from its one thread; an implementation makes that safe against its
// own workers. Nothing here is called per packet.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/engine/dynamic_table.h"
#include "rules/abi/counters.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view kind() const noexcept = 0;      // "dpdk", "xdp"
  virtual std::string_view topology() const noexcept = 0;  // "wire", "host"
  // Puts a snapshot into force. When it returns, no packet is judged by the old one any more.
  // Throws std::runtime_error and leaves the old one in force.
  virtual void load(std::shared_ptr<const Snapshot> snapshot) = 0;
  // nullptr before the first load.
  virtual std::shared_ptr<const Snapshot> snapshot() const = 0;
  // The sum over all workers or CPUs.
  virtual ps_counters counters() const = 0;
  virtual DynamicTable& dynamic() = 0;
};

}  // namespace postern
