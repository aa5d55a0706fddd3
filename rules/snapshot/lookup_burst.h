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

inline uint32_t slot_in(const ps_zone& zone, uint32_t) noexcept {
  return zone.service_v4;
}
inline uint32_t slot_in(const ps_zone& zone, const ps_address&) noexcept {
  return zone.service_v6;
}

// Where services name VLANs: first each frame's zone, then all destinations from the slots of
// theirs.
template <typename Address>
void service_sets_by_zone(const ps_image& image, const ps_snapshot_header& header,
                          const Address* addresses, const uint32_t* vlans, uint32_t count,
                          uint32_t* sets) noexcept {
  const uint32_t blocks = header.zone_count / 8 + (header.zone_count % 8 != 0);
  const ps_zone rest{header.service_v4, header.service_v6};
  const auto* zones = has_blocks(image, header.zones, blocks)
                          ? reinterpret_cast<const ps_zone*>(&image.blocks[header.zones])
                          : nullptr;
  in_parts(count, [&](uint32_t from, uint32_t part) {
    uint32_t slots[kLookupBurst];
    ps_address keys[kLookupBurst];
    for (uint32_t i = 0; i < part; i++) {
      ps_image whole = image;
      const uint32_t number = ps_zone_number(&whole, header.vlans, vlans[from + i]);
      const bool is_rest = number == 0 || number >= header.zone_count || !zones;
      slots[i] = slot_in(is_rest ? rest : zones[number], addresses[from + i]);
      keys[i] = to_address(addresses[from + i]);
    }
    look_up_from(image, slots, keys, part, sets + from);
  });
}

}  // namespace burst

// Destinations: IPv4 addresses in host order, or IPv6 addresses. vlans: as in struct ps_packet.
template <typename Address>
void service_sets_of(ps_image image, const Address* addresses, const uint32_t* vlans,
                     uint32_t count, uint32_t* sets) noexcept {
  const auto* header = ps_image_header(&image);
  if (header && header->vlans)
    return burst::service_sets_by_zone(image, *header, addresses, vlans, count, sets);
  const ps_zone zone = header ? ps_zone{header->service_v4, header->service_v6} : ps_zone{};
  burst::service_sets(image, burst::slot_in(zone, addresses[0]), addresses, count, sets);
}

}  // namespace postern
