// SPDX-License-Identifier: BSD-3-Clause
//
// Text made safe for terminals and for JSON; see printable.h.
#include "control/cli/printable.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace postern::cli {
namespace {

// The length in bytes of the UTF-8 sequence (RFC 3629) that text starts with; 0 when it is none.
// text is not empty. *point receives the code point.
size_t utf8_sequence(std::string_view text, uint32_t* point) noexcept {
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

// U+200B..200F, U+2028..202E, U+2060..206F and U+FEFF are not seen or reorder what is.
bool is_shown(uint32_t point) {
  const bool is_control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
  const bool is_hidden = (point >= 0x200b && point <= 0x200f) ||
                         (point >= 0x2028 && point <= 0x202e) ||
                         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
  return !is_control && !is_hidden;
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t length = utf8_sequence(text, &point);
    const size_t taken = std::max<size_t>(1, length);
    if (length > 0 && is_shown(point)) {
      out.append(text.substr(0, taken));
    } else {
      for (const char c : text.substr(0, taken)) {
        out.append("\\x");
        out.push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
        out.push_back(kDigits[static_cast<uint8_t>(c) & 15]);
      }
    }
    text.remove_prefix(taken);
  }
  return out;
}

std::string json_text(std::string_view text) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out;
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t length = utf8_sequence(text, &point);
    if (length == 0)
      out += kReplacement;
    else
      out += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

}  // namespace postern::cli
