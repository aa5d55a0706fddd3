// SPDX-License-Identifier: BSD-3-Clause
//
// What of foreign text may be shown to a terminal as it is: UTF-8 (RFC 3629) that is seen and does
// not reorder what stands around it. Whoever shows text decides what to put in place of the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern {

// The length in bytes of the UTF-8 sequence that text starts with; 0 when it is none. text is not
// empty. *point receives the code point.
inline size_t utf8_sequence(std::string_view text, uint32_t* point) noexcept {
  const auto lead = static_cast<uint8_t>(text[0]);
  const size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if ((lead >= 0x80 && lead < 0xc2) || lead > 0xf4 || text.size() < length) return 0;
  uint32_t value = length == 1 ? lead : lead & (0xffu >> (length + 1));
  for (size_t i = 1; i < length; i++) {
    const auto byte = static_cast<uint8_t>(text[i]);
    if ((byte & 0xc0) != 0x80) return 0;
    value = value << 6 | (byte & 0x3fu);
  }
  constexpr std::array<uint32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || value > 0x10ffff || is_surrogate) return 0;
  *point = value;
  return length;
}

// All of it, in the shortest form and without surrogates.
inline bool is_utf8(std::string_view text) noexcept {
  uint32_t point = 0;
  for (size_t length; !text.empty(); text.remove_prefix(length))
    if ((length = utf8_sequence(text, &point)) == 0) return false;
  return true;
}

// U+200B..200F, U+2028..202E, U+2060..206F and U+FEFF are not seen or reorder what is.
constexpr bool is_shown(uint32_t point) noexcept {
  const bool is_control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
  const bool is_hidden = (point >= 0x200b && point <= 0x200f) ||
                         (point >= 0x2028 && point <= 0x202e) ||
                         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
  return !is_control && !is_hidden;
}

// The length of the character that text starts with, if it may be shown as it is; else 0.
inline size_t shown_sequence(std::string_view text) noexcept {
  uint32_t point = 0;
  const size_t length = utf8_sequence(text, &point);
  return length > 0 && is_shown(point) ? length : 0;
}

}  // namespace postern
