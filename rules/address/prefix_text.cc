// SPDX-License-Identifier: BSD-3-Clause
//
// What is wrong with a prefix (rules/address/prefix_text.h).
#include "rules/address/prefix_text.h"

#include "rules/text/quoted.h"

namespace postern {
namespace {

std::optional<std::string> fault_of(std::string_view text) {
  if (const auto masked = Prefix::parse(text, Prefix::HostBits::kMask))
    return " has bits set behind its length; did you mean " + masked->to_string() + '?';
  if (auto why = why_not_octets(text)) return why;
  return " is not an address or a prefix";
}

}  // namespace

std::optional<std::string> why_not_octets(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return std::nullopt;
  bool part_starts = true;
  for (size_t i = 0; i + 1 < text.size() && text[i] != '/'; i++) {
    const bool digit_follows = text[i + 1] >= '0' && text[i + 1] <= '9';
    if (part_starts && text[i] == '0' && digit_follows)
      return " has an octet with a leading zero, which some would read as octal";
    part_starts = text[i] == '.';
  }
  return std::nullopt;
}

// ::ffff:0:0/96 as a whole is a bogon, and lists of bogons may say so.
std::optional<std::string> why_not_carried(const AddressRange& range) {
  if (range.family() == Family::kV4) return std::nullopt;
  const auto first = range.first().unmapped(), last = range.last().unmapped();
  if (!first.is_v4() || !last.is_v4()) return std::nullopt;
  const auto inside = AddressRange::make(first, last)->to_string();
  if (inside == "0.0.0.0/0") return std::nullopt;
  return " is IPv4 written as IPv6, which no packet carries; did you mean " + inside + '?';
}

std::optional<Prefix> read_prefix(std::string_view text, std::string* why) {
  auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (prefix && prefix->family() == Family::kV4) return prefix;
  if (const auto fault = prefix ? why_not_carried(*prefix) : fault_of(text)) {
    *why = quoted(text) + *fault;
    prefix.reset();
  }
  return prefix;
}

}  // namespace postern
