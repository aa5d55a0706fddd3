// SPDX-License-Identifier: BSD-3-Clause
//
// A list of zones that is searched from its beginning (control/dns/local_name.h).
#include "control/dns/local_name.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "control/dns/domain_name.h"

namespace postern::dns {
namespace {

constexpr std::string_view kZones[] = {
    "localhost",
    "local",
    "internal",
    "test",
    "invalid",
    "onion",
    "home.arpa",
    "resolver.arpa",
    "service.arpa",
    // RFC 6303 §4.1 and §4.2
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    // §4.3 to §4.6
    "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
    "d.f.ip6.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
};

// The label above `zone` as a number from `first` to `last`.
bool is_within_range(std::string_view name, std::string_view zone, int first, int last) {
  if (!is_within(name, zone) || name.size() == zone.size()) return false;
  const auto above = name.substr(0, name.size() - zone.size() - 1);
  const size_t dot = above.rfind('.');
  const auto label = dot == std::string_view::npos ? above : above.substr(dot + 1);
  int number = -1;
  const auto [end, error] = std::from_chars(label.data(), label.data() + label.size(), number);
  return error == std::errc() && end == label.data() + label.size() && number >= first &&
         number <= last;
}

}  // namespace

bool is_local_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::string lower = ascii_lower(name);
  if (std::ranges::any_of(kZones, [&](auto zone) { return is_within(lower, zone); })) return true;
  return is_within_range(lower, "172.in-addr.arpa", 16, 31) ||  // RFC 6303 §4.1
         is_within_range(lower, "100.in-addr.arpa", 64, 127);   // RFC 7793
}

}  // namespace postern::dns
