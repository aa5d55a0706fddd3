// SPDX-License-Identifier: BSD-3-Clause
//
// Both ends of the ring (dataplane/engine/sample_ring.h). Positions only grow; each is written by
// one side, and a slot is the worker's while `written - read` says that it is free.
#include "dataplane/engine/sample_ring.h"

namespace postern {

// Not value-initialised: pages that no sample ever needed are never touched.
SampleRing::SampleRing() : slots_(new Slot[kSlots]) {}

void SampleRing::set(const ps_sampling& sampling) noexcept {
  every_.store(std::clamp(sampling.every, 1u, PS_SAMPLE_MAX_EVERY), std::memory_order_relaxed);
  snap_.store(std::min(sampling.snap, PS_SAMPLE_MAX_BYTES), std::memory_order_relaxed);
  reasons_.store(sampling.reasons, std::memory_order_relaxed);
}

void SampleRing::put(const ps_sample& sample, const uint8_t* data, uint32_t bytes,
                     uint32_t frame_bytes) noexcept {
  const uint64_t at = written_.load(std::memory_order_relaxed);
  if (at - known_read_ >= kSlots) known_read_ = read_.load(std::memory_order_acquire);
  if (at - known_read_ >= kSlots) {
    lost_.store(lost_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return;
  }
  auto& slot = slots_[at % kSlots];
  const uint32_t captured = std::min(bytes, snap_.load(std::memory_order_relaxed));
  slot.sample = sample;
  slot.sample.frame_bytes = frame_bytes;
  slot.sample.captured = static_cast<uint16_t>(captured);
  if (captured > 0) std::memcpy(slot.bytes.data(), data, captured);
  written_.store(at + 1, std::memory_order_release);
}

void SampleRing::drain(const TakeSample& take) {
  const uint64_t end = written_.load(std::memory_order_acquire);
  for (uint64_t at = read_.load(std::memory_order_relaxed); at != end; at++) {
    const auto& slot = slots_[at % kSlots];
    take(slot.sample, std::span(slot.bytes).first(slot.sample.captured));
    read_.store(at + 1, std::memory_order_release);
  }
}

}  // namespace postern
