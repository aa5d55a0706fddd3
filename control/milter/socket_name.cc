// SPDX-License-Identifier: BSD-3-Clause
//
// "local:" is libmilter's other word for "unix:".
#include "control/milter/socket_name.h"

#include <charconv>

namespace postern::milter {
namespace {

bool take_word(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

std::string SocketName::to_string() const {
  if (!path.empty()) return "unix:" + path;
  return (address.is_v4() ? "inet:" : "inet6:") + std::to_string(port) + '@' + address.to_string();
}

std::optional<SocketName> parse_socket_name(std::string_view text) {
  SocketName name;
  if (take_word(text, "unix:") || take_word(text, "local:")) {
    if (!text.starts_with('/') || text.find('\0') != std::string_view::npos) return std::nullopt;
    name.path = text;
    return name;
  }
  if (!take_word(text, "inet:") && !take_word(text, "inet6:")) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), name.port);
  if (error != std::errc() || end == text.data() + text.size() || *end != '@') return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()) + 1);
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  const auto address = IpAddress::parse(text);
  if (!address) return std::nullopt;
  name.address = *address;
  return name;
}

}  // namespace postern::milter
