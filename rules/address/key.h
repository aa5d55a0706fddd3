// SPDX-License-Identifier: BSD-3-Clause
//
// Addresses as numbers, the most significant bit first: what lists are sorted, swept and built into
// tables by. A KeyV4 is the address in host order; a KeyV6 likewise, in 128 bits.
#pragma once

#include <cstddef>
#include <cstdint>

#include "rules/address/address.h"

namespace postern {

using KeyV4 = uint32_t;
__extension__ using KeyV6 = unsigned __int128;

template <typename Key>
inline constexpr int kKeyBits = sizeof(Key) * 8;
template <typename Key>
inline constexpr Key kLastKey = static_cast<Key>(~Key{0});
template <typename Key>
inline constexpr Family kKeyFamily = sizeof(Key) == 4 ? Family::kV4 : Family::kV6;

template <typename Key>
Key key_of(const IpAddress& address) noexcept {
  if constexpr (sizeof(Key) == 4) return address.v4_host_order();
  Key key = 0;
  for (size_t i = 0; i < sizeof(Key); i++) key = static_cast<Key>(key << 8 | address.bytes()[i]);
  return key;
}

template <typename Key>
IpAddress address_of(Key key) noexcept {
  ps_address bytes{};
  for (size_t i = sizeof(Key); i-- > 0; key = static_cast<Key>(key >> 8))
    bytes.bytes[i] = static_cast<uint8_t>(key & 255);
  return IpAddress::from_abi(sizeof(Key) == 4 ? PS_FAMILY_V4 : PS_FAMILY_V6, bytes);
}

}  // namespace postern
