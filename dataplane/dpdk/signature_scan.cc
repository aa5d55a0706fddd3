// SPDX-License-Identifier: BSD-3-Clause
//
// Scanning and teaching (dataplane/dpdk/signature_scan.h).
#include "dataplane/dpdk/signature_scan.h"

#include <spdlog/spdlog.h>

#include "rules/policy/signatures.h"

namespace postern::dpdk {
namespace {

constexpr size_t kWaiting = 1024;              // per worker; a power of two
constexpr int kWholeV4 = 32, kNetworkV6 = 64;  // what a source is, as for limits
constexpr uint64_t kNanosecondsPerSecond = 1'000'000'000;

}  // namespace

// One writer, the worker, and one reader, the engine's thread.
struct alignas(64) SignatureScan::Worker {
  struct Lesson {
    const Signature* signature;
    ps_family family;
    ps_address source;
  };
  Worker(const PatternSet& set, size_t signatures) : scratch(set), hits(signatures) {}

  const PatternSet::Scratch scratch;
  std::vector<std::atomic<uint64_t>> hits;
  std::array<Lesson, kWaiting> lessons;
  alignas(64) std::atomic<size_t> written{0};
  alignas(64) std::atomic<size_t> read{0};
};

SignatureScan::SignatureScan(const std::vector<Signature>& signatures, size_t workers)
    : signatures_(signatures), set_(patterns_of(signatures)) {
  for (size_t i = 0; i < workers; i++)
    workers_.push_back(std::make_unique<Worker>(set_, signatures.size()));
}

SignatureScan::~SignatureScan() = default;

const Signature* SignatureScan::find(size_t worker, std::string_view name) noexcept {
  auto& own = *workers_[worker];
  const auto found = set_.first_in(name, own.scratch);
  if (!found) return nullptr;
  auto& hits = own.hits[*found];
  hits.store(hits.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return &signatures_[*found];
}

bool SignatureScan::teach(size_t worker, const Signature& signature, ps_family family,
                          const ps_address& source) noexcept {
  auto& own = *workers_[worker];
  const auto at = own.written.load(std::memory_order_relaxed);
  if (at - own.read.load(std::memory_order_acquire) == kWaiting) return false;
  own.lessons[at % kWaiting] = {&signature, family, source};
  own.written.store(at + 1, std::memory_order_release);
  return true;
}

std::vector<uint64_t> SignatureScan::hits() const {
  std::vector<uint64_t> sum(signatures_.size());
  for (const auto& worker : workers_)
    for (size_t i = 0; i < sum.size(); i++)
      sum[i] += worker->hits[i].load(std::memory_order_relaxed);
  return sum;
}

void SignatureScan::bring(DynamicTable& table, uint64_t now_ns) {
  for (const auto& worker : workers_) {
    auto at = worker->read.load(std::memory_order_relaxed);
    const auto end = worker->written.load(std::memory_order_acquire);
    for (; at != end; at++) {
      const auto& lesson = worker->lessons[at % kWaiting];
      const auto seconds = static_cast<uint64_t>(lesson.signature->learn.count());
      const auto prefix = *Prefix::make(IpAddress::from_abi(lesson.family, lesson.source),
                                        lesson.family == PS_FAMILY_V4 ? kWholeV4 : kNetworkV6,
                                        Prefix::HostBits::kMask);
      const auto until = now_ns + seconds * kNanosecondsPerSecond;
      // What somebody decided stays, and what is in force for longer: else one segment would be a
      // way out of it.
      if (const auto there = table.find(prefix, now_ns);
          there && (!there->learned || there->expires_ns >= until))
        continue;
      table.add({prefix, Action::DROP, "signature " + lesson.signature->name, until, true}, now_ns);
      spdlog::info("event=learned source={} seconds={} signature={}", prefix.to_string(), seconds,
                   lesson.signature->name);
    }
    worker->read.store(end, std::memory_order_release);
  }
}

}  // namespace postern::dpdk
