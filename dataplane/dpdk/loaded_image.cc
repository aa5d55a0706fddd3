// SPDX-License-Identifier: BSD-3-Clause
//
// Copying a snapshot's image (dataplane/dpdk/loaded_image.h).
#include "dataplane/dpdk/loaded_image.h"

#include <rte_common.h>
#include <rte_malloc.h>
#include <rte_memory.h>

#include <emmintrin.h>

#include <algorithm>
#include <new>
#include <utility>

namespace postern::dpdk {
namespace {

constexpr std::align_val_t kAlignment{PS_BLOCK_BYTES};
constexpr size_t kCountsPerLine = RTE_CACHE_LINE_SIZE / sizeof(ps_cell_count);

// Without leaving the copy in the caches, which the workers share and have the rules in force in.
// bytes: a multiple of a block's.
void copy_past_caches(std::byte* to, const std::byte* from, size_t bytes) noexcept {
  constexpr size_t kAhead = 1024;
  for (size_t at = 0; at < bytes; at += PS_BLOCK_BYTES) {
    __builtin_prefetch(from + std::min(at + kAhead, bytes - 1), 0, 0);
    for (size_t part = 0; part < PS_BLOCK_BYTES; part += sizeof(__m128i))
      _mm_stream_si128(reinterpret_cast<__m128i*>(to + at + part),
                       _mm_load_si128(reinterpret_cast<const __m128i*>(from + at + part)));
  }
  _mm_sfence();
}

}  // namespace

LoadedImage::LoadedImage(std::shared_ptr<const Snapshot> snapshot, size_t workers, int node)
    : snapshot_(std::move(snapshot)) {
  const auto& header = snapshot_->header();
  const auto& signatures = snapshot_->policy().signatures;
  cells_ = size_t{header.policy_count} * header.class_count;
  counts_.resize(stride() * workers);
  if (!signatures.empty()) signatures_ = std::make_unique<SignatureScan>(signatures, workers);
  const auto bytes = snapshot_->image_bytes();
  bytes_ = bytes.size();
  for (const int where : {node, SOCKET_ID_ANY})
    if (!copy_)
      copy_ = static_cast<std::byte*>(
          rte_malloc_socket("postern_image", bytes_, PS_BLOCK_BYTES, where));
  in_hugepages_ = copy_ != nullptr;
  if (!in_hugepages_) copy_ = static_cast<std::byte*>(::operator new(bytes_, kAlignment));
  copy_past_caches(copy_, bytes.data(), bytes_);
  auto image = snapshot_->image();
  image.blocks = reinterpret_cast<const ps_block*>(copy_);
  for (size_t worker = 0; worker < workers; worker++)
    rules_.push_back({image, counts_.data() + worker * stride(), signatures_.get()});
}

size_t LoadedImage::stride() const noexcept {
  return (cells_ + kCountsPerLine) / kCountsPerLine * kCountsPerLine;
}

RuleCounts LoadedImage::counts() const {
  RuleCounts sum;
  sum.cells.resize(cells_);
  const auto read = [](const uint64_t& counter) {
    return __atomic_load_n(&counter, __ATOMIC_ACQUIRE);
  };
  for (const auto& worker : rules_)
    for (size_t i = 0; i < cells_; i++) {
      sum.cells[i].attempts += read(worker.cells[i].attempts);
      sum.cells[i].over_limit += read(worker.cells[i].over_limit);
    }
  if (signatures_) sum.signatures = signatures_->hits();
  return sum;
}

LoadedImage::~LoadedImage() {
  if (in_hugepages_)
    rte_free(copy_);
  else
    ::operator delete(copy_, kAlignment);
}

}  // namespace postern::dpdk
