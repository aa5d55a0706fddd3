// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of tag lists and of the small syntaxes inside their values.
#include "control/auth/tag_list.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "rules/text/cursor.h"

namespace postern::auth {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_name_character(char c) {
  return is_alpha(c) || (c >= '0' && c <= '9') || c == '_';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr auto kBase64Values = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  for (size_t i = 0; i < kAlphabet.size(); i++) {
    values[static_cast<uint8_t>(kAlphabet[i])] = static_cast<int8_t>(i);
  }
  return values;
}();

}  // namespace

const Tag* TagList::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(tags.begin(), tags.end(), [&](const Tag& tag) { return tag.name == name; });
  return found == tags.end() ? nullptr : &*found;
}

TagList parse_tag_list(std::string_view text) {
  TagList list;
  Cursor cursor(text);
  while (true) {
    cursor.take_while(is_space);
    if (cursor.at_end()) return list;  // also behind the last semicolon
    const auto name = cursor.take_while(is_name_character);
    if (name.empty() || !is_alpha(name.front())) {
      list.error = "a tag has no name";
      return list;
    }
    cursor.take_while(is_space);
    if (!cursor.accept('=')) {
      list.error = "tag " + std::string(name.substr(0, 32)) + " has no value";
      return list;
    }
    const size_t begin = cursor.position();
    const auto value = cursor.take_while([](char c) { return c != ';'; });
    const size_t end = cursor.position();
    if (list.find(name) != nullptr) {
      list.error = "tag " + std::string(name.substr(0, 32)) + " stands twice";
      return list;
    }
    if (list.tags.size() == kMaxTags) {
      list.error = "more than " + std::to_string(kMaxTags) + " tags";
      return list;
    }
    const bool is_sound = std::all_of(value.begin(), value.end(), [](char c) {
      return (c >= 0x21 && c != 0x7f) || is_space(c) || (c & 0x80) != 0;
    });
    if (!is_sound || !is_utf8(value)) {
      list.error = "tag " + std::string(name.substr(0, 32)) + " has a forbidden character";
      return list;
    }
    list.tags.push_back({name, trimmed(value), begin, end});
    cursor.accept(';');
  }
}

std::string without_folding_space(std::string_view value) {
  std::string result;
  result.reserve(value.size());
  std::copy_if(value.begin(), value.end(), std::back_inserter(result),
               [](char c) { return !is_space(c); });
  return result;
}

std::optional<std::string> decode_base64(std::string_view text) {
  std::string decoded;
  uint32_t bits = 0;
  unsigned sextets = 0;
  unsigned padding = 0;
  for (char c : text) {
    if (is_space(c)) continue;
    if (c == '=') {
      padding++;
      continue;
    }
    const int value = kBase64Values[static_cast<uint8_t>(c)];
    if (value < 0 || padding != 0) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if (++sextets % 4 == 0) {
      decoded += static_cast<char>(bits >> 16 & 0xff);
      decoded += static_cast<char>(bits >> 8 & 0xff);
      decoded += static_cast<char>(bits & 0xff);
    }
  }
  switch (sextets % 4) {
    case 0:
      return padding == 0 ? std::optional(std::move(decoded)) : std::nullopt;
    case 2:
      if (padding != 2) return std::nullopt;
      decoded += static_cast<char>(bits >> 4 & 0xff);
      return decoded;
    case 3:
      if (padding != 1) return std::nullopt;
      decoded += static_cast<char>(bits >> 10 & 0xff);
      decoded += static_cast<char>(bits >> 2 & 0xff);
      return decoded;
    default:
      return std::nullopt;
  }
}

std::string encode_base64(std::string_view octets) {
  std::string text;
  text.reserve((octets.size() + 2) / 3 * 4);
  for (size_t i = 0; i < octets.size(); i += 3) {
    const auto octet = [&](size_t at) {
      return at < octets.size() ? static_cast<uint32_t>(static_cast<uint8_t>(octets[at])) : 0;
    };
    const uint32_t bits = octet(i) << 16 | octet(i + 1) << 8 | octet(i + 2);
    text += kAlphabet[bits >> 18 & 63];
    text += kAlphabet[bits >> 12 & 63];
    text += i + 1 < octets.size() ? kAlphabet[bits >> 6 & 63] : '=';
    text += i + 2 < octets.size() ? kAlphabet[bits & 63] : '=';
  }
  return text;
}

std::vector<std::string_view> split_colons(std::string_view value) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto colon = value.find(':');
    parts.push_back(trimmed(value.substr(0, colon)));
    if (colon == std::string_view::npos) return parts;
    value.remove_prefix(colon + 1);
  }
}

bool is_utf8(std::string_view text) noexcept {
  for (size_t i = 0; i < text.size();) {
    const auto first = static_cast<uint8_t>(text[i++]);
    if (first < 0x80) continue;
    size_t more = 0;
    uint32_t point = 0;
    uint32_t least = 0;
    if ((first & 0xe0) == 0xc0) {
      more = 1, point = first & 0x1f, least = 0x80;
    } else if ((first & 0xf0) == 0xe0) {
      more = 2, point = first & 0x0f, least = 0x800;
    } else if ((first & 0xf8) == 0xf0) {
      more = 3, point = first & 0x07, least = 0x10000;
    } else {
      return false;
    }
    if (text.size() - i < more) return false;
    for (; more > 0; more--) {
      const auto next = static_cast<uint8_t>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      point = point << 6 | (next & 0x3f);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return false;
  }
  return true;
}

}  // namespace postern::auth
