// SPDX-License-Identifier: BSD-3-Clause
//
// Reading resolv.conf(5); see system_resolvers.h.
#include "control/cli/system_resolvers.h"

#include <charconv>
#include <fstream>
#include <iterator>

#include "rules/address/address.h"
#include "rules/text/cursor.h"

namespace postern::cli {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

}  // namespace

bool is_server(std::string_view text) {
  const auto at = text.find('@');
  if (!IpAddress::parse(text.substr(0, at))) return false;
  if (at == std::string_view::npos) return true;
  const auto port = text.substr(at + 1);
  uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return error == std::errc() && end == port.data() + port.size() && number > 0;
}

std::vector<std::string> resolvers_in(std::string_view text) {
  std::vector<std::string> servers;
  Cursor lines(text);
  while (!lines.at_end()) {
    Cursor line(lines.take_until('\n'));
    if (line.take_while([](char c) { return !is_blank(c); }) != "nameserver") continue;
    line.take_while(is_blank);
    const auto address = line.take_while([](char c) { return !is_blank(c); });
    if (IpAddress::parse(address)) servers.emplace_back(address);
  }
  return servers;
}

std::vector<std::string> system_resolvers() {
  std::ifstream file("/etc/resolv.conf", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  return resolvers_in(text);
}

}  // namespace postern::cli
