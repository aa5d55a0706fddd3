// SPDX-License-Identifier: BSD-3-Clause
//
// Mapped: the memory of an mmap-able BPF array map, shared with the kernel while this lives.
#pragma once

#include <cstddef>
#include <span>

namespace postern::xdp {

class Mapped {
 public:
  // elements of element_bytes each (a multiple of 8). Throws std::runtime_error.
  Mapped(int map_fd, size_t elements, size_t element_bytes);
  ~Mapped();
  Mapped(const Mapped&) = delete;
  Mapped& operator=(const Mapped&) = delete;

  std::span<std::byte> bytes() const noexcept { return {start_, bytes_}; }

 private:
  std::byte* start_;
  size_t bytes_;
};

}  // namespace postern::xdp
