// SPDX-License-Identifier: BSD-3-Clause
//
// mmap of a BPF array map (xdp/loader/mapped.h).
#include "xdp/loader/mapped.h"

#include <sys/mman.h>

#include <cerrno>

#include "xdp/loader/kernel_error.h"

namespace postern::xdp {

Mapped::Mapped(int map_fd, size_t elements, size_t element_bytes)
    : bytes_(elements * element_bytes) {
  void* start = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
  if (start == MAP_FAILED) throw kernel_error("cannot map a BPF map into memory", errno);
  start_ = static_cast<std::byte*>(start);
}

Mapped::~Mapped() {
  munmap(start_, bytes_);
}

}  // namespace postern::xdp
