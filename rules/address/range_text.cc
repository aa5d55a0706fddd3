// SPDX-License-Identifier: BSD-3-Clause
//
// Reading ranges (rules/address/range_text.h).
#include "rules/address/range_text.h"

#include <algorithm>
#include <bit>

#include "rules/address/prefix_text.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// How many leading ones the mask has; nullopt unless the rest are zeros.
std::optional<int> length_of_mask(uint32_t mask) {
  const int ones = std::countl_one(mask);
  if (ones < 32 && mask << ones != 0) return std::nullopt;
  return ones;
}

std::string fault_of_ends(std::string_view first_text, std::string_view last_text) {
  const auto first = IpAddress::parse(first_text), last = IpAddress::parse(last_text);
  if (!first || !last) {
    for (const auto text : {first_text, last_text})
      if (auto why = why_not_octets(text)) return *why;
    return " is not a range of addresses";
  }
  if (first->family() != last->family()) return " begins in one address family and ends in another";
  return " ends before it begins";
}

std::optional<AddressRange> read_ends(std::string_view text, std::string_view first_text,
                                      std::string_view last_text, std::string* why) {
  const auto first = IpAddress::parse(first_text), last = IpAddress::parse(last_text);
  const auto range = first && last ? AddressRange::make(*first, *last) : std::nullopt;
  const auto fault = range ? why_not_carried(*range) : fault_of_ends(first_text, last_text);
  if (!fault) return range;
  *why = quoted(text) + *fault;
  return std::nullopt;
}

std::optional<AddressRange> read_masked(std::string_view text, size_t slash, std::string* why) {
  const auto address_text = text.substr(0, slash);
  const auto address = IpAddress::parse(address_text);
  const auto mask = IpAddress::parse(text.substr(slash + 1));
  const auto refuse = [&](const std::string& fault) {
    *why = quoted(text) + fault;
    return std::nullopt;
  };
  if (!address || !mask || !address->is_v4() || !mask->is_v4())
    return refuse(why_not_octets(address_text).value_or(" is not an address with a mask"));
  const auto length = length_of_mask(mask->v4_host_order());
  if (!length) return refuse(" has a mask that is not ones followed by zeros");
  const auto prefix = *Prefix::make(*address, *length, Prefix::HostBits::kMask);
  if (prefix.first() != *address)
    return refuse(" has bits set behind its mask; did you mean " + prefix.to_string() + '?');
  return prefix;
}

}  // namespace

std::optional<AddressRange> read_range(std::string_view text, std::string* why) {
  if (const auto hyphen = text.find('-'); hyphen != std::string_view::npos)
    return read_ends(text, without_blanks(text.substr(0, hyphen)),
                     without_blanks(text.substr(hyphen + 1)), why);
  const auto slash = text.find('/');
  if (slash != std::string_view::npos && text.find('.', slash) != std::string_view::npos)
    return read_masked(text, slash, why);
  if (const auto prefix = read_prefix(text, why)) return *prefix;
  return std::nullopt;
}

bool looks_like_range(std::string_view text) {
  const auto middle = std::min(text.find('-'), text.find('/'));
  if (middle == std::string_view::npos) return IpAddress::parse(text).has_value();
  const auto behind = without_blanks(text.substr(middle + 1));
  if (text[middle] == '/' && behind.find('.') == std::string_view::npos)
    return Prefix::parse(text, Prefix::HostBits::kMask).has_value();
  return IpAddress::parse(without_blanks(text.substr(0, middle))) && IpAddress::parse(behind);
}

std::optional<AddressRange> read_range(std::string_view first, std::string_view last,
                                       std::string* why) {
  return read_ends(std::string(first) + '-' + std::string(last), first, last, why);
}

}  // namespace postern
