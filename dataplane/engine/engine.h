// SPDX-License-Identifier: BSD-3-Clause
//
// Engine: what every packet engine offers to the management API, whichever way it moves packets.
// The API server calls these from its one thread; an implementation makes that safe against its
// own workers. Nothing here is called per packet.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/engine/cookie_secret.h"
#include "dataplane/engine/dynamic_table.h"
#include "dataplane/engine/last_good.h"
#include "dataplane/engine/rule_counts.h"
#include "dataplane/engine/rule_tally.h"
#include "dataplane/engine/sample_ring.h"
#include "rules/abi/counters.h"
#include "rules/compile/expiry.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

// Two ports that lead to each other, by the names that the operator gave them, and what was counted
// on them alone. mx: in topology host the kernel's interface, or empty.
struct PortPair {
  std::string wan, mx;
  ps_counters counters{};
};
// All that was counted on all of them.
ps_counters sum_of(std::span<const PortPair> pairs) noexcept;

class Engine {
 public:
  virtual ~Engine() = default;
  virtual std::string_view kind() const noexcept = 0;      // "dpdk", "xdp"
  virtual std::string_view topology() const noexcept = 0;  // "wire", "host"
  // PS_FEATURE_*: what of a snapshot's wishes it can do.
  virtual uint32_t features() const noexcept = 0;
  // nullptr before the first load.
  virtual std::shared_ptr<const Snapshot> snapshot() const = 0;
  // The sum over all workers or CPUs.
  virtual ps_counters counters() const = 0;
  // The same for each pair of ports, in the order in which they were given: one at least.
  virtual std::vector<PortPair> pairs() const { return {{"", "", counters()}}; }
  virtual DynamicTable& dynamic() = 0;
  // Of which packets samples are taken from now on (dataplane/core/sample.h); at first of none.
  virtual void set_sampling(const ps_sampling& sampling) noexcept = 0;
  // Hands over the samples that were taken since the last call, each worker's in their order. What
  // had no room until now is lost, and counted as PS_EVENT_SAMPLE_LOST.
  virtual void drain_samples(const TakeSample& take) = 0;

  // Where the cookies of refused connections come from; random unless it is set, which is done
  // before the first packet.
  void use_secret(const CookieSecret& secret) { secret_ = secret; }
  // Keys change with the time (Unix seconds): to be called before the first packet, then once a
  // second.
  void rotate_cookies(int64_t now) { secret_.rotate(cookie_keys(), now); }

  // What the snapshot in force has counted.
  virtual RuleCounts rule_counts() const = 0;
  // The same in the policy's words, with what snapshots before it have counted.
  const RuleTotals& rule_totals();
  // Does what workers have left to the API's thread: to be called often, at least once a second.
  virtual void attend() {}

  // Puts a snapshot into force. When it returns, no packet is judged by the old one any more.
  // Throws std::runtime_error and leaves the old one in force; so it does when the snapshot asks
  // for a feature that the engine does not have.
  void load(std::shared_ptr<const Snapshot> snapshot);
  // Keeps a copy of the rules in force there from now on: what remember() is called for. Before the
  // first load.
  void keep_last_good(LastGood place) { last_good_ = std::move(place); }
  // The rules in force are confirmed. That the copy cannot be written is logged: they are in force
  // all the same.
  void remember() const noexcept;
  // Writes the matrix of a later hour over the one in force, cell by cell: a packet is judged by
  // the one or the other. matrix: matrix_at() of the snapshot in force.
  void store_matrix(const MatrixAt& matrix);

 protected:
  // Returns what the one before has counted, to its last packet.
  virtual RuleCounts put_into_force(std::shared_ptr<const Snapshot> snapshot) = 0;
  // The image that packets are judged by, writable; empty before the first load.
  virtual std::span<std::byte> live_image() noexcept = 0;
  // What its packets' cookies are made with.
  virtual ps_cookie_keys& cookie_keys() noexcept = 0;

 private:
  CookieSecret secret_ = CookieSecret::random();
  RuleTally tally_;
  std::optional<LastGood> last_good_;
};

}  // namespace postern
