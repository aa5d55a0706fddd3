// SPDX-License-Identifier: BSD-3-Clause
//
// Copying a snapshot's image (dataplane/dpdk/loaded_image.h).
#include "dataplane/dpdk/loaded_image.h"

#include <rte_malloc.h>
#include <rte_memory.h>

#include <cstring>
#include <new>
#include <utility>

namespace postern::dpdk {
namespace {

constexpr std::align_val_t kAlignment{PS_BLOCK_BYTES};

}  // namespace

LoadedImage::LoadedImage(std::shared_ptr<const Snapshot> snapshot, int node)
    : snapshot_(std::move(snapshot)), image_(snapshot_->image()) {
  const auto bytes = snapshot_->image_bytes();
  bytes_ = bytes.size();
  for (const int where : {node, SOCKET_ID_ANY})
    if (!copy_)
      copy_ = static_cast<std::byte*>(
          rte_malloc_socket("postern_image", bytes_, PS_BLOCK_BYTES, where));
  in_hugepages_ = copy_ != nullptr;
  if (!in_hugepages_) copy_ = static_cast<std::byte*>(::operator new(bytes_, kAlignment));
  std::memcpy(copy_, bytes.data(), bytes_);
  image_.blocks = reinterpret_cast<const ps_block*>(copy_);
}

LoadedImage::~LoadedImage() {
  if (in_hugepages_)
    rte_free(copy_);
  else
    ::operator delete(copy_, kAlignment);
}

}  // namespace postern::dpdk
