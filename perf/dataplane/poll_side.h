// SPDX-License-Identifier: BSD-3-Clause
//
// PollSide: one worker's PollLoop with all it needs, outside of an engine, so that a benchmark can
// count its cycles burst by burst.
#pragma once

#include <memory>

#include "dataplane/dpdk/loaded_image.h"
#include "dataplane/dpdk/poll_loop.h"
#include "dataplane/engine/answer_budget.h"
#include "dataplane/engine/dynamic_table.h"
#include "dataplane/engine/limit_table.h"

namespace postern::perf {

class PollSide {
 public:
  PollSide(const dpdk::Wire& wire, uint16_t queue, unsigned burst,
           std::shared_ptr<const Snapshot> snapshot, const ps_cookie_keys& cookies = {})
      : entries_(DynamicTable::buckets_for(1024)),
        table_(entries_),
        limits_(limit_buckets_for(65536)),
        cookies_(cookies),
        image_(std::move(snapshot), size_t{queue} + 1),
        active_(image_.rules()) {
    start_limits(limits_);
    const ps_tables tables{ps_dynamic_of(entries_.data(), static_cast<uint32_t>(entries_.size())),
                           {limits_.data(), static_cast<uint32_t>(limits_.size())},
                           &cookies_};
    loop_ = std::make_unique<dpdk::PollLoop>(wire, queue, burst, active_, tables,
                                             answer_budget(kMaxAnswersPerSecond, 1));
  }

  dpdk::PollLoop& loop() noexcept { return *loop_; }
  ps_counters counters() const {
    ps_counters total{};
    loop_->add_to(total);
    return total;
  }

 private:
  std::vector<ps_dynamic_bucket> entries_;
  DynamicTable table_;
  std::vector<ps_limit_bucket> limits_;
  ps_cookie_keys cookies_;
  dpdk::LoadedImage image_;
  dpdk::RulesInForce active_;
  std::unique_ptr<dpdk::PollLoop> loop_;
};

}  // namespace postern::perf
