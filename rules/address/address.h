// SPDX-License-Identifier: BSD-3-Clause
//
// IpAddress, Prefix and AddressRange: one value each for IPv4 and IPv6, always canonical. Text is
// read strictly: an octet with a leading zero ("012.0.0.1") is an error, because readers disagree
// whether it is octal; so is a prefix with bits set behind its length (the caller may ask to mask).
// An IPv4-mapped IPv6 address stays IPv6; who wants the IPv4 inside asks for unmapped().
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/abi/types.h"

namespace postern {

enum class Family : uint8_t { kV4 = PS_FAMILY_V4, kV6 = PS_FAMILY_V6 };

constexpr int bits_of(Family family) noexcept {
  return family == Family::kV4 ? 32 : 128;
}

// Ordered by family, then numerically.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static constexpr IpAddress v4(uint32_t host_order) noexcept {
    IpAddress address;
    address.bytes_[0] = static_cast<uint8_t>(host_order >> 24);
    address.bytes_[1] = static_cast<uint8_t>(host_order >> 16);
    address.bytes_[2] = static_cast<uint8_t>(host_order >> 8);
    address.bytes_[3] = static_cast<uint8_t>(host_order);
    return address;
  }
  static IpAddress v6(const std::array<uint8_t, 16>& network_order) noexcept;
  static IpAddress from_abi(ps_family family, const ps_address& address) noexcept;
  static std::optional<IpAddress> parse(std::string_view text) noexcept;

  Family family() const noexcept { return family_; }
  bool is_v4() const noexcept { return family_ == Family::kV4; }
  constexpr uint32_t v4_host_order() const noexcept {  // only when is_v4()
    return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 |
           bytes_[3];
  }
  // Network order; an IPv4 address is in the first four, the rest is zero.
  const std::array<uint8_t, 16>& bytes() const noexcept { return bytes_; }
  ps_address abi() const noexcept;
  ps_family abi_family() const noexcept { return static_cast<ps_family>(family_); }
  bool bit(int index) const noexcept;   // 0 is the most significant
  IpAddress unmapped() const noexcept;  // ::ffff:192.0.2.1 -> 192.0.2.1; all others unchanged

  // The neighbours in numeric order; nullopt past either end.
  std::optional<IpAddress> next() const noexcept;
  std::optional<IpAddress> previous() const noexcept;

  std::string to_string() const;  // IPv6 as RFC 5952 says

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::kV4;
  std::array<uint8_t, 16> bytes_{};
};

// An address and a length; the bits behind the length are zero.
class Prefix {
 public:
  enum class HostBits { kRefuse, kMask };
  constexpr Prefix() = default;  // 0.0.0.0/0
  // nullopt when the length is out of range, or host bits are set and refused.
  static std::optional<Prefix> make(const IpAddress& address, int length, HostBits host_bits);
  // "192.0.2.0/24", "2001:db8::/32"; a single address is a /32 or /128.
  static std::optional<Prefix> parse(std::string_view text, HostBits host_bits);

  const IpAddress& first() const noexcept { return first_; }
  IpAddress last() const noexcept;
  int length() const noexcept { return length_; }
  Family family() const noexcept { return first_.family(); }
  bool contains(const IpAddress& address) const noexcept;
  std::string to_string() const;  // always with its length

  auto operator<=>(const Prefix&) const = default;

 private:
  constexpr Prefix(const IpAddress& first, int length) noexcept : first_(first), length_(length) {}
  IpAddress first_;
  int length_ = 0;
};

// Both ends included, of one family, first <= last.
class AddressRange {
 public:
  static std::optional<AddressRange> make(const IpAddress& first, const IpAddress& last) noexcept;
  AddressRange(const Prefix& prefix) noexcept  // NOLINT: every prefix is a range
      : first_(prefix.first()), last_(prefix.last()) {}

  const IpAddress& first() const noexcept { return first_; }
  const IpAddress& last() const noexcept { return last_; }
  Family family() const noexcept { return first_.family(); }
  bool contains(const IpAddress& address) const noexcept {
    return address >= first_ && address <= last_;
  }
  std::string to_string() const;  // as a prefix where it is one, else "first-last"

  auto operator<=>(const AddressRange&) const = default;

 private:
  AddressRange(const IpAddress& first, const IpAddress& last) noexcept
      : first_(first), last_(last) {}
  IpAddress first_, last_;
};

}  // namespace postern
