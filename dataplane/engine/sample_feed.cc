// SPDX-License-Identifier: BSD-3-Clause
//
// Wishes, the store of samples, and how often is sampled (dataplane/engine/sample_feed.h).
#include "dataplane/engine/sample_feed.h"

#include <algorithm>
#include <cmath>

namespace postern {
namespace {

// Below this, a count says little about a rate.
constexpr uint64_t kShortestIntervalNs = 20'000'000;
// What is left of a rate that was seen, some twenty times a second: a flood that comes and goes is
// not met by as many samples as it has packets each time that it comes.
constexpr double kDecay = 0.9;

uint64_t occurrences(const ps_counters& counters, uint64_t reasons) noexcept {
  uint64_t sum = 0;
  for (const auto& port : counters.packets)
    for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
      if (reasons >> reason & 1) sum += port[reason];
  return sum;
}

}  // namespace

SampleFeed::SampleFeed(Engine& engine, uint64_t per_second, uint64_t first)
    : engine_(engine),
      per_second_(std::min(per_second, kMaxPerSecond)),
      first_(first),
      next_sequence_(first) {}

bool SampleFeed::wish(const SampleWish& wish, uint64_t now_ns) {
  if (per_second_ == 0) return false;
  const auto known = std::ranges::find(wishes_, wish, &Kept::wish);
  if (known != wishes_.end()) {
    known->until_ns = now_ns + kWishNs;
    return true;
  }
  if (wishes_.size() == kMaxWishes) return false;
  wishes_.push_back({wish, now_ns + kWishNs});
  adjust(now_ns);
  return true;
}

SampleFeed::Batch SampleFeed::read(const SampleWish& wish, std::optional<uint64_t> after,
                                   size_t limit) const {
  Batch batch;
  const uint64_t last = next_sequence_ - 1;
  batch.next = last;
  if (!after || *after >= last || samples_.empty()) return batch;
  const uint64_t first = samples_.front().sequence;
  uint64_t at = first;
  if (*after + 1 >= first)
    at = *after + 1;
  else if (*after >= first_ - 1)  // else it is of another engine's time
    batch.lost = first - 1 - *after;
  for (; at <= last && batch.samples.size() < limit; at++) {
    const auto& sample = samples_[at - first];
    if (wish.reasons >> sample.sample.reason & 1) batch.samples.push_back(&sample);
  }
  batch.next = at - 1;
  return batch;
}

void SampleFeed::tick(uint64_t now_ns, int64_t unix_ns) {
  if (wishes_.empty()) return;
  const auto snapshot = engine_.snapshot();
  const int64_t offset_ns = unix_ns - static_cast<int64_t>(now_ns);
  engine_.drain_samples([&](const ps_sample& sample, std::span<const uint8_t> bytes) {
    keep(sample, bytes, offset_ns, snapshot);
  });
  std::erase_if(wishes_, [&](const Kept& kept) { return kept.until_ns <= now_ns; });
  adjust(now_ns);
}

void SampleFeed::adjust(uint64_t now_ns) {
  ps_sampling wanted{0, PS_SAMPLE_MAX_EVERY, 0};
  for (const auto& kept : wishes_) {
    wanted.reasons |= kept.wish.reasons;
    wanted.every = std::min(wanted.every, kept.wish.every);
    wanted.snap = std::max(wanted.snap, kept.wish.snap);
  }
  if (wanted.reasons != sampling_.reasons) {
    counted_at_ns_ = 0;
    if (sampling_.reasons == 0) rate_ = 0;
  }
  if (wanted.reasons == 0) {
    wanted.every = 1;
  } else if (now_ns - counted_at_ns_ >= kShortestIntervalNs) {
    const auto counted = occurrences(engine_.counters(), wanted.reasons);
    if (counted_at_ns_ != 0 && counted >= counted_)
      rate_ = std::max(static_cast<double>(counted - counted_) * 1e9 /
                           static_cast<double>(now_ns - counted_at_ns_),
                       rate_ * kDecay);
    counted_ = counted;
    counted_at_ns_ = now_ns;
  }
  const double bound = std::ceil(rate_ / static_cast<double>(std::max<uint64_t>(per_second_, 1)));
  if (wanted.reasons != 0 && bound > wanted.every)
    wanted.every = static_cast<uint32_t>(std::min<double>(bound, PS_SAMPLE_MAX_EVERY));
  if (wanted.reasons == sampling_.reasons && wanted.every == sampling_.every &&
      wanted.snap == sampling_.snap)
    return;
  sampling_ = wanted;
  engine_.set_sampling(sampling_);
}

void SampleFeed::keep(const ps_sample& sample, std::span<const uint8_t> bytes, int64_t offset_ns,
                      const std::shared_ptr<const Snapshot>& snapshot) {
  if (sample.reason >= PS_REASON_COUNT || sample.action >= PS_ACTION_COUNT ||
      sample.port >= PS_PORT_COUNT)
    return;  // no engine says so
  bytes_ += bytes.size();
  samples_.push_back({next_sequence_++,
                      static_cast<int64_t>(sample.time_ns) + offset_ns,
                      sample,
                      {bytes.begin(), bytes.end()},
                      snapshot});
  while (samples_.size() > kMaxSamples || bytes_ > kMaxBytes) {
    bytes_ -= samples_.front().bytes.size();
    samples_.pop_front();
  }
}

}  // namespace postern
