// SPDX-License-Identifier: BSD-3-Clause
//
// SampleFeed: the samples of an engine, for several readers at once. A reader holds nothing here:
// it says after which sample it wants to go on, and what it wishes to see. One bounded store keeps
// the latest samples; who comes too late for some is told how many. A wish that is not repeated for
// some seconds is forgotten, and without wishes nothing is sampled.
//
// How many packets are sampled is bounded whatever readers wish: from what the engine counts it
// follows how often the reasons occur that somebody wishes to see, and takes one in so many that
// there are about so many samples a second as the engine allows. Told the time; no clock of its
// own.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/engine/engine.h"

namespace postern {

// What a reader wishes to see.
struct SampleWish {
  uint64_t reasons = 0;  // bit r: enum ps_reason r
  uint32_t every = 1;    // no more often than one packet in so many; 1..PS_SAMPLE_MAX_EVERY
  uint32_t snap = PS_SAMPLE_USUAL_BYTES;  // bytes of each frame; up to PS_SAMPLE_MAX_BYTES
  bool operator==(const SampleWish&) const = default;
};

struct FeedSample {
  uint64_t sequence;
  int64_t time_ns;  // since 1970
  ps_sample sample;
  std::vector<uint8_t> bytes;
  // The rules that were in force when it came here, unless they are gone: within 50 ms of a swap,
  // perhaps not those that the packet was judged by.
  std::weak_ptr<const Snapshot> snapshot;
};

class SampleFeed {
 public:
  static constexpr uint64_t kDefaultPerSecond = 2000;
  static constexpr uint64_t kMaxPerSecond = 100'000;
  static constexpr size_t kMaxWishes = 64;
  static constexpr size_t kMaxSamples = 16384;
  static constexpr size_t kMaxBytes = 8u << 20;  // of frames
  static constexpr uint64_t kWishNs = 5'000'000'000;

  // engine must outlive this. per_second: samples taken in a second, about; 0 allows none. first:
  // the number of the first sample, 1 or more; larger after each start, so that a reader of an
  // engine before this one is known by what it has read.
  SampleFeed(Engine& engine, uint64_t per_second, uint64_t first);

  struct Batch {
    std::vector<const FeedSample*> samples;  // valid until the next call of anything here
    uint64_t next = 0;                       // where to go on
    uint64_t lost = 0;                       // came and went between `after` and here, of all kinds
  };
  // Registers the wish. False when there are too many different ones, or samples are not allowed.
  bool wish(const SampleWish& wish, uint64_t now_ns);
  // Up to `limit` samples that the wish asks for, behind `after`; nullopt: those that come from now
  // on.
  Batch read(const SampleWish& wish, std::optional<uint64_t> after, size_t limit) const;

  // Fetches what the engine has sampled, forgets wishes, and adjusts how often is sampled. To be
  // called some twenty times a second; cheap while nobody wishes anything.
  void tick(uint64_t now_ns, int64_t unix_ns);

  uint64_t per_second() const noexcept { return per_second_; }
  const ps_sampling& sampling() const noexcept { return sampling_; }

 private:
  struct Kept {
    SampleWish wish;
    uint64_t until_ns;
  };
  void adjust(uint64_t now_ns);
  void keep(const ps_sample& sample, std::span<const uint8_t> bytes, int64_t offset_ns,
            const std::shared_ptr<const Snapshot>& snapshot);

  Engine& engine_;
  const uint64_t per_second_;
  std::vector<Kept> wishes_;
  ps_sampling sampling_{0, 1, 0};
  // How often the reasons in sampling_ occurred, in a second; what was counted of them when.
  double rate_ = 0;
  uint64_t counted_ = 0, counted_at_ns_ = 0;
  std::deque<FeedSample> samples_;
  size_t bytes_ = 0;
  const uint64_t first_;
  uint64_t next_sequence_;
};

}  // namespace postern
