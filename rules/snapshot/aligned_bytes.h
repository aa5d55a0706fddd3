// SPDX-License-Identifier: BSD-3-Clause
//
// AlignedBytes: memory for the bytes of a snapshot, at the alignment of its blocks. What nobody has
// written into it is not set to anything: to clear what is read over at once costs as much as
// reading it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>

#include "rules/abi/snapshot_format.h"

namespace postern {

class AlignedBytes {
 public:
  explicit AlignedBytes(size_t size)
      : size_(size), start_(static_cast<std::byte*>(::operator new(size + 1, kAlignment))) {}
  explicit AlignedBytes(std::span<const std::byte> bytes) : AlignedBytes(bytes.size()) {
    std::ranges::copy(bytes, start_.get());
  }

  std::span<std::byte> bytes() noexcept { return {start_.get(), size_}; }
  std::span<const std::byte> bytes() const noexcept { return {start_.get(), size_}; }
  // size: at most what it is.
  void shrink(size_t size) noexcept { size_ = std::min(size, size_); }

 private:
  static constexpr std::align_val_t kAlignment{alignof(ps_block)};
  struct Delete {
    void operator()(std::byte* start) const noexcept { ::operator delete(start, kAlignment); }
  };
  size_t size_;
  std::unique_ptr<std::byte, Delete> start_;
};

}  // namespace postern
