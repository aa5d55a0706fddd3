// SPDX-License-Identifier: BSD-3-Clause
//
// SampleRing: the samples of one worker on their way to the management thread: a ring of fixed size
// that the worker fills and the other thread empties, without locks. Full, it loses the newest
// sample, and counts it. The memory of a slot is touched when it is first used.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <span>

#include "dataplane/core/sample.h"

namespace postern {

// bytes: those that were captured, sample.captured of them; valid during the call.
using TakeSample = std::function<void(const ps_sample& sample, std::span<const uint8_t> bytes)>;

class SampleRing {
 public:
  static constexpr size_t kSlots = 512;  // a power of two

  SampleRing();

  // The worker, for who has many to offer at once: bit r: offers of enum ps_reason r are looked at.
  uint64_t wanted() const noexcept { return reasons_.load(std::memory_order_relaxed); }
  // The worker: true when none of the next `count` offers of wanted reasons would be taken; then
  // they are counted and not to be made.
  bool pass_over(uint32_t count) noexcept {
    const uint32_t left = sampler_.left;
    if (left <= count || left > 2 * every_.load(std::memory_order_relaxed)) return false;
    sampler_.left = left - count;
    return true;
  }
  // The worker: one call for each packet that was decided on, before it is acted on. data: the
  // frame's first `bytes` bytes of frame_bytes; now_ns: CLOCK_MONOTONIC.
  void offer(const ps_decision& decision, ps_port port, const uint8_t* data, uint32_t bytes,
             uint32_t frame_bytes, uint64_t now_ns) noexcept {
    const uint64_t reasons = reasons_.load(std::memory_order_relaxed);
    if (reasons == 0) [[likely]]
      return;
    const uint32_t every = every_.load(std::memory_order_relaxed);
    if (ps_sample_due(reasons, every, decision.reason, &sampler_))
      put(ps_sample_of(&decision, port, every, now_ns), data, bytes, frame_bytes);
  }

  // The management thread.
  void set(const ps_sampling& sampling) noexcept;
  // Hands over what is there, oldest first.
  void drain(const TakeSample& take);
  // How many did not fit so far; any thread.
  uint64_t lost() const noexcept { return lost_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    ps_sample sample;
    std::array<uint8_t, PS_SAMPLE_MAX_BYTES> bytes;
  };
  void put(const ps_sample& sample, const uint8_t* data, uint32_t bytes,
           uint32_t frame_bytes) noexcept;

  // Set by the management thread, read by the worker at every packet.
  std::atomic<uint64_t> reasons_{0};
  std::atomic<uint32_t> every_{1}, snap_{0};
  // The worker's own.
  alignas(64) ps_sampler sampler_{};
  std::atomic<uint64_t> written_{0}, lost_{0};
  uint64_t known_read_ = 0;  // of read_, as the worker saw it last
  // The management thread's own.
  alignas(64) std::atomic<uint64_t> read_{0};
  std::unique_ptr<Slot[]> slots_;
};

}  // namespace postern
