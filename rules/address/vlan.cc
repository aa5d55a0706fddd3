// SPDX-License-Identifier: BSD-3-Clause
//
// VLANs in words (rules/address/vlan.h).
#include "rules/address/vlan.h"

#include <charconv>

namespace postern {
namespace {

constexpr uint32_t kLargest = 4094;  // IEEE 802.1Q reserves 0 and 4095

std::optional<uint32_t> read_identifier(std::string_view text) noexcept {
  uint32_t number = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || text.front() == '0' || number > kLargest)
    return std::nullopt;
  return number;
}

}  // namespace

std::optional<VlanRange> VlanRange::parse(std::string_view text) noexcept {
  if (text == "none") return VlanRange{0, 0};
  const auto dot = text.find('.');
  const auto outer = read_identifier(text.substr(0, dot));
  if (!outer) return std::nullopt;
  if (dot == text.npos) return VlanRange{*outer << 16, *outer << 16 | 0xffffu};
  const auto inner = read_identifier(text.substr(dot + 1));
  if (!inner) return std::nullopt;
  return VlanRange{*outer << 16 | *inner, *outer << 16 | *inner};
}

std::string VlanRange::to_string() const {
  if (is_any()) return "any";
  if (last == 0) return "none";
  const auto outer = std::to_string(first >> 16);
  return first == last ? outer + '.' + std::to_string(first & 0xffffu) : outer;
}

}  // namespace postern
