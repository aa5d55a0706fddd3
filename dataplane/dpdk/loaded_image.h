// SPDX-License-Identifier: BSD-3-Clause
//
// LoadedImage: a snapshot as the poll loops read it: its image copied into hugepages, where a
// lookup misses the TLB less, or where these have no room, the snapshot's own bytes. Owned by the
// engine; workers hold a plain pointer to image() between two quiescent states.
#pragma once

#include <memory>

#include "rules/snapshot/snapshot.h"

namespace postern::dpdk {

class LoadedImage {
 public:
  explicit LoadedImage(std::shared_ptr<const Snapshot> snapshot);
  ~LoadedImage();
  LoadedImage(const LoadedImage&) = delete;
  LoadedImage& operator=(const LoadedImage&) = delete;

  const ps_image& image() const noexcept { return image_; }
  const std::shared_ptr<const Snapshot>& snapshot() const noexcept { return snapshot_; }
  bool copied() const noexcept { return copy_ != nullptr; }

 private:
  std::shared_ptr<const Snapshot> snapshot_;
  void* copy_ = nullptr;
  ps_image image_{};
};

}  // namespace postern::dpdk
