// SPDX-License-Identifier: BSD-3-Clause
//
// Domain names to A-labels. ASCII names do not pass through libidn2 at all: it would refuse the
// underscores that selectors and service names use.
#include "control/dns/domain_name.h"

#include <idn2.h>

#include <algorithm>
#include <memory>

namespace postern::dns {
namespace {

constexpr bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool is_sound(std::string_view name) noexcept {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  while (true) {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    if (label.empty() || label.size() > kMaxLabelLength || label.front() == '-' ||
        label.back() == '-' || !std::all_of(label.begin(), label.end(), is_name_character)) {
      return false;
    }
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// Nobody's name is longer; libidn2 is not asked about more.
constexpr size_t kMaxUnicodeLength = 4 * kMaxNameLength;

std::optional<std::string> unicode_to_a_labels(std::string_view name) {
  if (name.size() > kMaxUnicodeLength || name.find('\0') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::string text(name);
  uint8_t* converted = nullptr;
  const int status = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(text.c_str()), &converted,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<uint8_t, void (*)(void*)> owner(converted, idn2_free);
  if (status != IDN2_OK) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(converted));
}

}  // namespace

std::string ascii_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = ascii_lower(c);
  return lower;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return ascii_lower(x) == ascii_lower(y); });
}

std::optional<std::string> to_a_labels(std::string_view name) {
  const bool is_ascii =
      std::all_of(name.begin(), name.end(), [](char c) { return (c & 0x80) == 0; });
  std::optional<std::string> ascii =
      is_ascii ? std::optional(std::string(name)) : unicode_to_a_labels(name);
  if (!ascii) return std::nullopt;
  for (char& c : *ascii) c = ascii_lower(c);
  if (ascii->ends_with('.')) ascii->pop_back();
  if (!is_sound(*ascii)) return std::nullopt;
  return ascii;
}

bool is_within(std::string_view name, std::string_view domain) noexcept {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

}  // namespace postern::dns
