// SPDX-License-Identifier: BSD-3-Clause
//
// Values as people write them in settings: times with their unit, sizes, addresses with a port.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/address/address.h"

namespace postern::config {

// "300ms", "5s", "10m", "2h", "1d", and "0". nullopt for anything else, or beyond a year.
std::optional<std::chrono::milliseconds> parse_time(std::string_view text);

// "65536", "256K", "50M", "1G" (powers of 1024). nullopt for anything else.
std::optional<uint64_t> parse_size(std::string_view text);

struct Rate {
  uint32_t count;
  std::chrono::milliseconds time;
};
// "30/1m": so many in that time; "0": {0, 0}, no limit. nullopt for anything else, a count beyond a
// million or a time of nothing.
std::optional<Rate> parse_rate(std::string_view text);

struct AddressAndPort {
  IpAddress address;
  uint16_t port;
};
// "192.0.2.1:25", "[2001:db8::1]:25", and without ":25" the port that is given.
std::optional<AddressAndPort> parse_endpoint(std::string_view text, uint16_t port);

struct HostAndPort {
  std::string host;
  std::string port;
};
// The same, where the host may be a name.
std::optional<HostAndPort> parse_host(std::string_view text, uint16_t port);

}  // namespace postern::config
