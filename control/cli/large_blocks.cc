// SPDX-License-Identifier: BSD-3-Clause
//
// operator new of the command line. What lists of a million entries take are a few blocks of many
// megabytes, each touched once from its first byte to its last: with pages of 4 KiB the kernel is
// asked for every one of them, and that was a quarter of the time of compiling. So large blocks ask
// for huge pages (madvise), which they get where the kernel has some to give and transparent huge
// pages are not forbidden; nothing depends on it. Small blocks are malloc's, as ever. Left out with
// AddressSanitizer, which has its own.
#ifndef __SANITIZE_ADDRESS__
#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Rounding such a block up wastes little.
constexpr std::size_t kLarge = 4 * kHugePage;

void* allocate(std::size_t bytes) noexcept {
  if (bytes < kLarge || bytes > SIZE_MAX - kHugePage) return std::malloc(bytes ? bytes : 1);
  const std::size_t whole = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* block = std::aligned_alloc(kHugePage, whole);
  if (block) madvise(block, whole, MADV_HUGEPAGE);
  return block;
}

}  // namespace

void* operator new(std::size_t bytes) {
  for (;;) {
    if (void* block = allocate(bytes)) return block;
    const auto handler = std::get_new_handler();
    if (!handler) throw std::bad_alloc();
    handler();
  }
}

void operator delete(void* block) noexcept {
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept {
  std::free(block);
}
#endif
