// SPDX-License-Identifier: BSD-3-Clause
//
// Reading and writing addresses, prefixes and ranges (rules/address/address.h). IPv6 text is read
// as RFC 4291 section 2.2 says, all three forms, and written as RFC 5952 says. A zone ("%eth0") is
// not part of an address here.
#include "rules/address/address.h"

#include <algorithm>
#include <cstring>

#include "rules/text/cursor.h"

namespace postern {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr size_t size_of(Family family) noexcept {
  return family == Family::kV4 ? 4 : 16;
}

// Both readers of numbers return how many bytes at the start of the text were one, 0 for none.
// Whoever calls looks at what follows.

// A decimal number of at most `limit` (below 1000), without a leading zero.
size_t read_decimal(std::string_view text, uint32_t limit, uint32_t& value) noexcept {
  if (text.empty() || !is_digit(text[0])) return 0;
  value = static_cast<uint32_t>(text[0] - '0');
  if (value == 0) return 1;
  size_t at = 1;
  for (; at < text.size() && is_digit(text[at]); at++) {
    value = value * 10 + static_cast<uint32_t>(text[at] - '0');
    if (value > limit) return 0;
  }
  return at;
}

// A list has a million of these, and where the dots are cannot be foreseen: so nothing here
// branches on it. The bytes are copied to where three may always be looked at; what is copied from
// behind the text is zeros, which are neither digits nor dots.
size_t read_dotted_quad(std::string_view text, uint32_t& address) noexcept {
  std::array<uint8_t, 24> bytes{};
  constexpr size_t kHalf = 8, kLongest = 16;  // one more than "255.255.255.255"
  if (text.size() >= kLongest) {
    std::memcpy(bytes.data(), text.data(), kLongest);
  } else if (text.size() >= kHalf) {  // two halves that overlap
    std::memcpy(bytes.data(), text.data(), kHalf);
    std::memcpy(bytes.data() + text.size() - kHalf, text.data() + text.size() - kHalf, kHalf);
  } else {
    std::copy(text.begin(), text.end(), bytes.begin());
  }
  size_t at = 0;
  bool wrong = false;
  address = 0;
  for (int octet = 0; octet < 4; octet++) {
    if (octet > 0) wrong |= bytes[at++] != '.';
    const uint32_t first = bytes[at] - uint32_t{'0'}, second = bytes[at + 1] - uint32_t{'0'},
                   third = bytes[at + 2] - uint32_t{'0'};
    const uint32_t two = second <= 9, three = two & (third <= 9);
    uint32_t value = first + (first * 9 + second) * two;
    value += (value * 9 + third) * three;
    wrong |= (first > 9) | (value > 255) | (two & (first == 0));
    address = address << 8 | value;
    at += 1 + two + three;
  }
  return wrong ? 0 : at;
}

// Groups are collected left to right; where "::" stood is remembered and opened up at the end.
std::optional<IpAddress> parse_v6(std::string_view text) noexcept {
  std::array<uint8_t, 16> bytes{};
  size_t filled = 0;
  std::optional<size_t> gap;

  Cursor cursor(text);
  if (cursor.accept("::")) gap = 0;
  while (!cursor.at_end()) {
    const auto rest = cursor.rest();
    const auto group = cursor.take_while([](char c) noexcept { return hex_value(c) >= 0; });
    if (cursor.peek() == '.') {  // the last 32 bits as a dotted quad
      uint32_t address = 0;
      if (read_dotted_quad(rest, address) != rest.size() || filled > 12) return std::nullopt;
      for (int shift = 24; shift >= 0; shift -= 8)
        bytes[filled++] = static_cast<uint8_t>(address >> shift);
      break;
    }
    if (group.empty() || group.size() > 4 || filled == 16) return std::nullopt;
    int value = 0;
    for (const char digit : group) value = value * 16 + hex_value(digit);
    bytes[filled++] = static_cast<uint8_t>(value >> 8);
    bytes[filled++] = static_cast<uint8_t>(value & 255);
    if (cursor.at_end()) break;
    if (cursor.accept("::")) {
      if (gap) return std::nullopt;
      gap = filled;
    } else if (!cursor.accept(':') || cursor.at_end()) {
      return std::nullopt;
    }
  }
  if (cursor.failed()) return std::nullopt;
  if (gap) {
    if (filled == 16) return std::nullopt;  // "::" stands for at least one group
    std::rotate(bytes.begin() + static_cast<ptrdiff_t>(*gap),
                bytes.begin() + static_cast<ptrdiff_t>(filled), bytes.end());
  } else if (filled != 16) {
    return std::nullopt;
  }
  return IpAddress::v6(bytes);
}

void append_dotted_quad(std::string& text, const uint8_t* octets) {
  for (int i = 0; i < 4; i++) {
    if (i > 0) text += '.';
    text += std::to_string(octets[i]);
  }
}

void append_group(std::string& text, unsigned group) {
  static constexpr char kDigits[] = "0123456789abcdef";
  bool started = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = group >> shift & 15;
    started = started || digit != 0 || shift == 0;
    if (started) text += kDigits[digit];
  }
}

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const std::array<uint8_t, 16>& bytes) noexcept {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

std::string v6_to_string(const std::array<uint8_t, 16>& bytes) {
  std::string text;
  if (is_mapped(bytes)) {
    text = "::ffff:";
    append_dotted_quad(text, &bytes[12]);
    return text;
  }
  std::array<unsigned, 8> groups;
  for (size_t i = 0; i < 8; i++) groups[i] = unsigned{bytes[2 * i]} << 8 | bytes[2 * i + 1];

  // RFC 5952 section 4.2: the longest run of at least two zero groups, the first of equals.
  size_t gap = 8, gap_size = 1;
  for (size_t i = 0; i < 8; i++) {
    size_t end = i;
    while (end < 8 && groups[end] == 0) end++;
    if (end - i > gap_size) {
      gap = i;
      gap_size = end - i;
    }
    i = end;
  }
  for (size_t i = 0; i < 8; i++) {
    if (i == gap) {
      text += "::";
      i += gap_size - 1;
      continue;
    }
    if (i > 0 && text.back() != ':') text += ':';
    append_group(text, groups[i]);
  }
  return text;
}

constexpr uint32_t mask_of(int length) noexcept {
  return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
}

// Clears (or with `ones`, sets) the bits behind the first `length`.
std::array<uint8_t, 16> fill_behind(std::array<uint8_t, 16> bytes, Family family, int length,
                                    bool ones) noexcept {
  for (size_t i = 0; i < size_of(family); i++) {
    const int kept = std::clamp(length - static_cast<int>(i) * 8, 0, 8);
    const auto behind = static_cast<uint8_t>(0xff >> kept);
    bytes[i] = static_cast<uint8_t>(ones ? bytes[i] | behind : bytes[i] & ~behind);
  }
  return bytes;
}

IpAddress with_bytes(Family family, const std::array<uint8_t, 16>& bytes) noexcept {
  ps_address address;
  std::memcpy(address.bytes, bytes.data(), sizeof address.bytes);
  return IpAddress::from_abi(static_cast<ps_family>(family), address);
}

}  // namespace

IpAddress IpAddress::v6(const std::array<uint8_t, 16>& network_order) noexcept {
  IpAddress address;
  address.family_ = Family::kV6;
  address.bytes_ = network_order;
  return address;
}

IpAddress IpAddress::from_abi(ps_family family, const ps_address& address) noexcept {
  IpAddress result;
  result.family_ = family == PS_FAMILY_V6 ? Family::kV6 : Family::kV4;
  std::memcpy(result.bytes_.data(), address.bytes, size_of(result.family_));
  return result;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) noexcept {
  uint32_t address = 0;
  const auto size = read_dotted_quad(text, address);
  return size > 0 && size == text.size() ? v4(address) : parse_v6(text);
}

ps_address IpAddress::abi() const noexcept {
  ps_address address;
  std::memcpy(address.bytes, bytes_.data(), sizeof address.bytes);
  return address;
}

bool IpAddress::bit(int index) const noexcept {
  return (bytes_[static_cast<size_t>(index) / 8] >> (7 - index % 8) & 1) != 0;
}

IpAddress IpAddress::unmapped() const noexcept {
  if (is_v4() || !is_mapped(bytes_)) return *this;
  IpAddress address;
  std::copy(bytes_.begin() + 12, bytes_.end(), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::next() const noexcept {
  IpAddress result = *this;
  for (size_t i = size_of(family_); i-- > 0;)
    if (++result.bytes_[i] != 0) return result;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::previous() const noexcept {
  IpAddress result = *this;
  for (size_t i = size_of(family_); i-- > 0;)
    if (result.bytes_[i]-- != 0) return result;
  return std::nullopt;
}

std::string IpAddress::to_string() const {
  if (!is_v4()) return v6_to_string(bytes_);
  std::string text;
  append_dotted_quad(text, bytes_.data());
  return text;
}

std::optional<Prefix> Prefix::make(const IpAddress& address, int length, HostBits host_bits) {
  if (length < 0 || length > bits_of(address.family())) return std::nullopt;
  const auto first =
      address.is_v4()
          ? IpAddress::v4(address.v4_host_order() & mask_of(length))
          : IpAddress::v6(fill_behind(address.bytes(), address.family(), length, false));
  if (host_bits == HostBits::kRefuse && first != address) return std::nullopt;
  return Prefix(first, length);
}

// IPv4 does not go by way of IpAddress::parse and make, as those take longer to hand on their
// results than to find them.
std::optional<Prefix> Prefix::parse(std::string_view text, HostBits host_bits) {
  uint32_t quad = 0;
  auto slash = read_dotted_quad(text, quad);
  const bool is_v4 = slash > 0;
  if (!is_v4) slash = std::min(text.find('/'), text.size());
  uint32_t length = is_v4 ? 32 : 128;
  if (slash < text.size()) {
    const auto digits = text.substr(slash + 1);
    const auto size = read_decimal(digits, length, length);
    if (text[slash] != '/' || size == 0 || size != digits.size()) return std::nullopt;
  }
  if (is_v4) {
    const auto first = quad & mask_of(static_cast<int>(length));
    if (host_bits == HostBits::kRefuse && first != quad) return std::nullopt;
    return Prefix(IpAddress::v4(first), static_cast<int>(length));
  }
  const auto address = parse_v6(text.substr(0, slash));
  return address ? make(*address, static_cast<int>(length), host_bits) : std::nullopt;
}

IpAddress Prefix::last() const noexcept {
  if (first_.is_v4()) return IpAddress::v4(first_.v4_host_order() | ~mask_of(length_));
  return with_bytes(family(), fill_behind(first_.bytes(), family(), length_, true));
}

bool Prefix::contains(const IpAddress& address) const noexcept {
  return address.family() == family() &&
         fill_behind(address.bytes(), family(), length_, false) == first_.bytes();
}

std::string Prefix::to_string() const {
  return first_.to_string() + '/' + std::to_string(length_);
}

std::optional<AddressRange> AddressRange::make(const IpAddress& first,
                                               const IpAddress& last) noexcept {
  if (first.family() != last.family() || first > last) return std::nullopt;
  return AddressRange(first, last);
}

std::string AddressRange::to_string() const {
  // The only prefix it could be: the one of the bits that both ends share.
  int shared = 0;
  while (shared < bits_of(family()) && first_.bit(shared) == last_.bit(shared)) shared++;
  const auto prefix = Prefix::make(first_, shared, Prefix::HostBits::kMask);
  if (prefix->first() == first_ && prefix->last() == last_) return prefix->to_string();
  return first_.to_string() + '-' + last_.to_string();
}

}  // namespace postern
