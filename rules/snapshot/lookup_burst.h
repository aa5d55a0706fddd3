// SPDX-License-Identifier: BSD-3-Clause
//
// The classes of a burst of sources at once, for user space. What a look-up costs is waiting for
// memory, and branches on what cannot be foreseen: here all addresses of a burst take one kind of
// step together, each asks for the block of its next step, and the waits overlap. The answers are
// those of ps_class_of, from the same image (rules/abi/lookup.h). Any number of addresses is taken
// in parts of kLookupBurst; nothing allocates or throws.
#pragma once

#include <cstdint>
#include <cstring>

#include "rules/snapshot/burst_digits.h"
#include "rules/snapshot/burst_keys.h"

namespace postern {

namespace burst {

inline bool has_blocks(const ps_image& image, uint32_t first, uint32_t count) noexcept {
  return image.count >= count && first <= image.count - count;
}

template <typename LookUp>
void in_parts(uint32_t count, LookUp look_up_part) noexcept {
  for (uint32_t done = 0; done < count; done += kLookupBurst)
    look_up_part(done, count - done < kLookupBurst ? count - done : kLookupBurst);
}

}  // namespace burst

// IPv4 addresses in host order.
inline void classes_of(ps_image image, const uint32_t* addresses, uint32_t count,
                       uint32_t* classes) noexcept {
  const auto* header = ps_image_header(&image);
  if (!header || !burst::has_blocks(image, header->source_v4_root, PS_ROOT_BLOCKS)) {
    std::memset(classes, 0, count * sizeof classes[0]);
    return;
  }
  const auto* root = reinterpret_cast<const ps_root_entry*>(&image.blocks[header->source_v4_root]);
  burst::in_parts(count, [&](uint32_t from, uint32_t part) {
    burst::look_up(image, root, addresses + from, part, classes + from);
  });
}

// IPv6 addresses.
inline void classes_of(ps_image image, const ps_address* addresses, uint32_t count,
                       uint32_t* classes) noexcept {
  const auto* header = ps_image_header(&image);
  const uint32_t bits = header ? header->source_v6_bits : UINT32_MAX;
  if (bits > PS_MAX_V6_ROOT_BITS ||
      (bits != 0 && !burst::has_blocks(image, header->source_v6_root, (1u << bits) / 16u))) {
    std::memset(classes, 0, count * sizeof classes[0]);
    return;
  }
  // Without a root nothing of it is read but its first slot, which may be any block.
  const auto* root = &image.blocks[bits ? header->source_v6_root : 0];
  burst::in_parts(count, [&](uint32_t from, uint32_t part) {
    burst::look_up(image, *header, root, addresses + from, part, classes + from);
  });
}

}  // namespace postern
