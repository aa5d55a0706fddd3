// SPDX-License-Identifier: BSD-3-Clause
//
// What is wrong with a prefix (rules/address/prefix_text.h).
#include "rules/address/prefix_text.h"

#include "rules/text/quoted.h"

namespace postern {
namespace {

// A part of a dotted quad such as "012", which some programs read as octal.
bool has_leading_zero(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return false;
  bool part_starts = true;
  for (size_t i = 0; i + 1 < text.size() && text[i] != '/'; i++) {
    const bool digit_follows = text[i + 1] >= '0' && text[i + 1] <= '9';
    if (part_starts && text[i] == '0' && digit_follows) return true;
    part_starts = text[i] == '.';
  }
  return false;
}

}  // namespace

std::optional<Prefix> read_prefix(std::string_view text, std::string* why) {
  if (const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse)) return prefix;
  *why = quoted(text);
  if (const auto masked = Prefix::parse(text, Prefix::HostBits::kMask))
    *why += " has bits set behind its length; did you mean " + masked->to_string() + '?';
  else if (has_leading_zero(text))
    *why += " has an octet with a leading zero, which some would read as octal";
  else
    *why += " is not an address or a prefix";
  return std::nullopt;
}

}  // namespace postern
