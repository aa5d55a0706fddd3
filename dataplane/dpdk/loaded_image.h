// SPDX-License-Identifier: BSD-3-Clause
//
// LoadedImage: a snapshot as the poll loops read it: a copy of its image in hugepages, where a
// lookup misses the TLB less, or where these have no room, on the heap. A copy, because the matrix
// changes when lists expire. Owned by the engine; workers hold a plain pointer to image() between
// two quiescent states.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "rules/snapshot/snapshot.h"

namespace postern::dpdk {

class LoadedImage {
 public:
  // node: of NUMA, where it lies if there is room; -1: anywhere. Throws std::bad_alloc.
  explicit LoadedImage(std::shared_ptr<const Snapshot> snapshot, int node = -1);
  ~LoadedImage();
  LoadedImage(const LoadedImage&) = delete;
  LoadedImage& operator=(const LoadedImage&) = delete;

  const ps_image& image() const noexcept { return image_; }
  std::span<std::byte> bytes() noexcept { return {copy_, bytes_}; }
  const std::shared_ptr<const Snapshot>& snapshot() const noexcept { return snapshot_; }
  bool in_hugepages() const noexcept { return in_hugepages_; }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  std::byte* copy_ = nullptr;
  size_t bytes_ = 0;
  bool in_hugepages_ = false;
  ps_image image_{};
};

}  // namespace postern::dpdk
