// SPDX-License-Identifier: BSD-3-Clause
//
// Everything but names has a bounded length, so that only they can make a line too long.
#include "control/smtp/forwarded_client.h"

#include <array>
#include <utility>

#include "rules/text/words.h"

namespace postern::smtp {
namespace {

constexpr size_t kMaxLine = 510;  // with CRLF 512
constexpr size_t kMaxValue = 255;
constexpr std::string_view kUnavailable = "[UNAVAILABLE]";
constexpr std::string_view kTemporarily = "[TEMPUNAVAIL]";  // of XCLIENT only

constexpr std::array<std::pair<std::string_view, ForwardAttribute>, 9> kWords = {{
    {"NAME", ForwardAttribute::kName},
    {"ADDR", ForwardAttribute::kAddr},
    {"PORT", ForwardAttribute::kPort},
    {"PROTO", ForwardAttribute::kProto},
    {"HELO", ForwardAttribute::kHelo},
    {"IDENT", ForwardAttribute::kIdent},
    {"SOURCE", ForwardAttribute::kSource},
    {"DESTADDR", ForwardAttribute::kDestAddr},
    {"DESTPORT", ForwardAttribute::kDestPort},
}};

std::string bounded(std::string_view text) {
  std::string value = text.empty() ? std::string() : xtext(text);
  if (value.empty() || value.size() > kMaxValue) return std::string(kUnavailable);
  return value;
}

std::string address_value(const IpAddress& address) {
  return (address.is_v4() ? "" : "IPV6:") + address.to_string();
}

std::string value_of(const ForwardedClient& client, ForwardAttribute attribute) {
  switch (attribute) {
    case ForwardAttribute::kName:
      return bounded(client.name);
    case ForwardAttribute::kAddr:
      return address_value(client.address);
    case ForwardAttribute::kPort:
      return std::to_string(client.port);
    case ForwardAttribute::kProto:
      return client.extended ? "ESMTP" : "SMTP";
    case ForwardAttribute::kHelo:
      return bounded(client.helo);
    case ForwardAttribute::kIdent:
      return bounded(client.id);
    case ForwardAttribute::kSource:
      return "REMOTE";
    case ForwardAttribute::kDestAddr:
      return address_value(client.local);
    case ForwardAttribute::kDestPort:
      return std::to_string(client.local_port);
  }
  return {};
}

std::vector<std::string> pairs(const ForwardedClient& client, ForwardAttributes offered) {
  std::vector<std::string> result;
  for (const auto& [word, attribute] : kWords)
    if (offered.has(attribute))
      result.push_back(" " + std::string(word) + "=" + value_of(client, attribute));
  return result;
}

}  // namespace

std::string xtext(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  for (const char c : text) {
    const auto octet = static_cast<uint8_t>(c);
    if (octet > ' ' && octet <= '~' && c != '+' && c != '=') {
      result += c;
    } else {
      result += '+';
      result += kHex[octet >> 4];
      result += kHex[octet & 0xf];
    }
  }
  return result;
}

ForwardAttributes ForwardAttributes::read(std::string_view words) {
  ForwardAttributes attributes;
  while (!words.empty()) {
    const size_t end = words.find(' ');
    for (const auto& [word, attribute] : kWords)
      if (same_word(words.substr(0, end), word))
        attributes.bits_ = static_cast<uint16_t>(attributes.bits_ | bit(attribute));
    words.remove_prefix(end == std::string_view::npos ? words.size() : end + 1);
  }
  return attributes;
}

std::string write_xclient(const ForwardedClient& client, ForwardAttributes offered) {
  if (!offered.has(ForwardAttribute::kAddr)) return {};
  const auto line_of = [&](const ForwardedClient& told) {
    std::string line = "XCLIENT";
    const std::string no_name = " NAME=" + std::string(kUnavailable);
    for (const auto& pair : pairs(told, offered))
      line += told.name_missing && pair == no_name ? " NAME=" + std::string(kTemporarily) : pair;
    return line;
  };
  // One command: each makes the backend begin anew.
  std::string line = line_of(client);
  if (line.size() <= kMaxLine) return line;
  ForwardedClient unnamed = client;
  unnamed.name.clear();
  return line_of(unnamed);
}

std::vector<std::string> write_xforward(const ForwardedClient& client, ForwardAttributes offered) {
  std::vector<std::string> commands;
  if (!offered.has(ForwardAttribute::kAddr)) return commands;
  for (const auto& pair : pairs(client, offered)) {
    if (commands.empty() || commands.back().size() + pair.size() > kMaxLine)
      commands.emplace_back("XFORWARD");
    commands.back() += pair;
  }
  return commands;
}

}  // namespace postern::smtp
