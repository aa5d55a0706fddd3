// SPDX-License-Identifier: BSD-3-Clause
//
// The classes of a burst of sources at once, and the service sets of a burst of destinations, for
// user space. What a look-up costs is waiting for memory, and branches on what cannot be foreseen:
// here all addresses of a burst take one kind of step together, each asks for the block of its next
// step, and the waits overlap. The answers are those of ps_class_of and ps_service_set_of, from the
// same image (rules/abi/lookup.h). Any number of addresses is taken in parts of kLookupBurst;
// nothing allocates or throws.
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
  const burst::KeyRoot root{bits, header->source_v6,
                            &image.blocks[bits ? header->source_v6_root : 0]};
  burst::in_parts(count, [&](uint32_t from, uint32_t part) {
    burst::look_up(image, root, addresses + from, part, classes + from);
  });
}

namespace burst {

inline ps_address to_address(uint32_t v4) noexcept {
  ps_address address{};
  const uint32_t bytes = PS_SWAP32(v4);
  std::memcpy(address.bytes, &bytes, sizeof bytes);
  return address;
}
inline ps_address to_address(const ps_address& v6) noexcept {
  return v6;
}
inline const ps_block* line_of(const ps_image& image, uint32_t slot, uint32_t kind) noexcept {
  const uint32_t block = PS_SLOT_BLOCK(slot);
  if (slot >> PS_SLOT_KIND_SHIFT != kind || PS_SLOT_LEVELS(slot) || block >= image.count)
    return nullptr;
  return &image.blocks[block];
}

// Most sites have so few addresses that one line of them leads to all. Such a line stays in the
// cache, so that there is nothing to wait for and nothing gained by steps that all take together.
// Answers false where there is no such line.
inline bool service_sets_by_line(const ps_image& image, uint32_t slot, const uint32_t* addresses,
                                 uint32_t count, uint32_t* sets) noexcept {
  const auto* line = line_of(image, slot, PS_SLOT_KEYS32);
  if (!line) return false;
  for (uint32_t i = 0; i < count; i++) sets[i] = Steps32::line(line, addresses[i]);
  return true;
}
inline bool service_sets_by_line(const ps_image& image, uint32_t slot, const ps_address* addresses,
                                 uint32_t count, uint32_t* sets) noexcept {
  const auto* line = line_of(image, slot, PS_SLOT_KEYS64);
  if (!line) return false;
  for (uint32_t i = 0; i < count; i++) {
    const auto key = ps_key_of(PS_FAMILY_V6, &addresses[i]);
    uint32_t found = Steps64::line(line, key.high);
    if (!PS_IS_VALUE(found)) {
      const auto* low = line_of(image, found, PS_SLOT_KEYS64);
      if (!low) return false;
      found = Steps64::line(low, key.low);
    }
    sets[i] = PS_IS_VALUE(found) ? found : 0;
  }
  return true;
}

template <typename Address>
void service_sets(const ps_image& image, uint32_t slot, const Address* addresses, uint32_t count,
                  uint32_t* sets) noexcept {
  if (PS_IS_VALUE(slot)) {
    for (uint32_t i = 0; i < count; i++) sets[i] = slot;
    return;
  }
  if (service_sets_by_line(image, slot, addresses, count, sets)) return;
  const KeyRoot root{0, slot, image.blocks};
  in_parts(count, [&](uint32_t from, uint32_t part) {
    ps_address keys[kLookupBurst];
    for (uint32_t i = 0; i < part; i++) keys[i] = to_address(addresses[from + i]);
    look_up(image, root, keys, part, sets + from);
  });
}

}  // namespace burst

// IPv4 destinations in host order.
inline void service_sets_of(ps_image image, const uint32_t* addresses, uint32_t count,
                            uint32_t* sets) noexcept {
  const auto* header = ps_image_header(&image);
  burst::service_sets(image, header ? header->service_v4 : 0, addresses, count, sets);
}

// IPv6 destinations.
inline void service_sets_of(ps_image image, const ps_address* addresses, uint32_t count,
                            uint32_t* sets) noexcept {
  const auto* header = ps_image_header(&image);
  burst::service_sets(image, header ? header->service_v6 : 0, addresses, count, sets);
}

}  // namespace postern
