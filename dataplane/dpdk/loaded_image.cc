// SPDX-License-Identifier: BSD-3-Clause
//
// Copying a snapshot's image into hugepages (dataplane/dpdk/loaded_image.h).
#include "dataplane/dpdk/loaded_image.h"

#include <rte_malloc.h>

#include <cstring>
#include <utility>

namespace postern::dpdk {

LoadedImage::LoadedImage(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)), image_(snapshot_->image()) {
  const auto bytes = snapshot_->image_bytes();
  copy_ = rte_malloc("postern_image", bytes.size(), PS_BLOCK_BYTES);
  if (!copy_) return;
  std::memcpy(copy_, bytes.data(), bytes.size());
  image_.blocks = static_cast<const ps_block*>(copy_);
}

LoadedImage::~LoadedImage() {
  rte_free(copy_);
}

}  // namespace postern::dpdk
