// SPDX-License-Identifier: BSD-3-Clause
//
// A number without its unit is refused for times: seconds and milliseconds are too easily mistaken.
#include "control/config/value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace postern::config {
namespace {

// The number in front; the rest stays in text.
std::optional<uint64_t> take_number(std::string_view& text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

std::optional<uint16_t> parse_port(std::string_view text) {
  const auto number = take_number(text);
  if (!number || !text.empty() || *number > 65535) return std::nullopt;
  return static_cast<uint16_t>(*number);
}

struct Halves {
  std::string_view host, port;  // port: empty where none is given
};

std::optional<Halves> split(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const auto rest = text.substr(close + 1);
    if (!rest.empty() && (rest[0] != ':' || rest.size() == 1)) return std::nullopt;
    return Halves{text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1)};
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return Halves{text, {}};
  // Several colons without brackets: an IPv6 address by itself.
  if (text.find(':', colon + 1) != std::string_view::npos) return Halves{text, {}};
  if (colon + 1 == text.size()) return std::nullopt;
  return Halves{text.substr(0, colon), text.substr(colon + 1)};
}

}  // namespace

std::optional<std::chrono::milliseconds> parse_time(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 5> kUnits = {
      {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
  constexpr uint64_t kYear = uint64_t{366} * 86'400'000;
  if (text == "0") return std::chrono::milliseconds{0};
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  for (const auto& [unit, factor] : kUnits)
    if (text == unit && *number <= kYear / factor)
      return std::chrono::milliseconds{static_cast<int64_t>(*number * factor)};
  return std::nullopt;
}

std::optional<uint64_t> parse_size(std::string_view text) {
  const auto number = take_number(text);
  if (!number) return std::nullopt;
  int shift = 0;
  if (text == "K") shift = 10;
  if (text == "M") shift = 20;
  if (text == "G") shift = 30;
  if ((shift == 0 && !text.empty()) || *number > (UINT64_MAX >> shift)) return std::nullopt;
  return *number << shift;
}

std::optional<Rate> parse_rate(std::string_view text) {
  if (text == "0") return Rate{0, std::chrono::milliseconds{0}};
  constexpr uint64_t kMost = 1'000'000;
  const auto count = take_number(text);
  if (!count || *count == 0 || *count > kMost || !text.starts_with('/')) return std::nullopt;
  const auto time = parse_time(text.substr(1));
  if (!time || time->count() == 0) return std::nullopt;
  return Rate{static_cast<uint32_t>(*count), *time};
}

std::optional<AddressAndPort> parse_endpoint(std::string_view text, uint16_t port) {
  const auto halves = split(text);
  if (!halves) return std::nullopt;
  const auto address = IpAddress::parse(halves->host);
  const auto given = halves->port.empty() ? std::optional(port) : parse_port(halves->port);
  if (!address || !given) return std::nullopt;
  return AddressAndPort{*address, *given};
}

std::optional<HostAndPort> parse_host(std::string_view text, uint16_t port) {
  const auto halves = split(text);
  if (!halves || halves->host.empty()) return std::nullopt;
  const bool sound = std::all_of(halves->host.begin(), halves->host.end(),
                                 [](char c) { return c > ' ' && c <= '~'; });
  const auto given = halves->port.empty() ? std::optional(port) : parse_port(halves->port);
  if (!sound || !given || *given == 0) return std::nullopt;
  return HostAndPort{std::string(halves->host), std::to_string(*given)};
}

}  // namespace postern::config
