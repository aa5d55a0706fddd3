// SPDX-License-Identifier: BSD-3-Clause
//
// Reading leading octets (rules/address/octets_text.h).
#include "rules/address/octets_text.h"

#include "rules/address/prefix_text.h"
#include "rules/text/cursor.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

// Fails the cursor unless it is 0 to 255 without a leading zero.
uint32_t take_octet(Cursor& cursor) {
  const auto digits = cursor.take_while([](char c) { return c >= '0' && c <= '9'; });
  uint32_t octet = 0;
  for (const char c : digits.substr(0, 4)) octet = octet * 10 + static_cast<uint32_t>(c - '0');
  if (digits.empty() || digits.size() > 3 || octet > 255) cursor.fail();
  if (digits.size() > 1 && digits.front() == '0') cursor.fail();
  return octet;
}

}  // namespace

std::optional<Prefix> read_octets(std::string_view text, std::string* why) {
  Cursor cursor(text);
  uint32_t address = take_octet(cursor) << 24;
  int length = 8;
  for (; length < 32 && cursor.accept('.'); length += 8)
    address |= take_octet(cursor) << (24 - length);
  if (!cursor.failed() && cursor.at_end())
    return Prefix::make(IpAddress::v4(address), length, Prefix::HostBits::kRefuse);
  *why = quoted(text) + why_not_octets(text).value_or(" is not one to four octets of an address");
  return std::nullopt;
}

}  // namespace postern
