// SPDX-License-Identifier: BSD-3-Clause
//
// Counts of addresses as text and JSON; see address_count_text.h.
#include "control/cli/address_count_text.h"

#include <cmath>
#include <cstdio>

#include "control/cli/table.h"

namespace postern::cli {
namespace {

std::string three_digits(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", number);
  return text;
}

}  // namespace

std::string count_text_v6(KeyV6 count) {
  if (count < 1'000'000) return grouped(static_cast<uint64_t>(count));
  const auto number = static_cast<double>(count);
  // All of IPv6, whose count is one short, is rounded to what it is.
  if ((count & (count - 1)) == 0 || count == kLastKey<KeyV6>)
    return "2^" + std::to_string(std::lround(std::log2(number)));
  return three_digits(number);
}

std::string percent_text(double share) {
  return three_digits(share * 100) + '%';
}

boost::json::object count_json(const AddressCount& count) {
  boost::json::object object{{"v4", count.v4}, {"v6", nullptr}};
  if (count.v6 <= UINT64_MAX)
    object["v6"] = static_cast<uint64_t>(count.v6);
  else
    object["v6"] = static_cast<double>(count.v6);
  return object;
}

}  // namespace postern::cli
