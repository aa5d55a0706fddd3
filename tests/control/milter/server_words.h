// SPDX-License-Identifier: BSD-3-Clause
//
// What a mail server says to a milter, as bytes, and what a filter answered, as text that a test
// can compare.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "control/milter/packet.h"

namespace postern::milter::test {

inline std::string packet(char letter, std::string_view data = {}) {
  std::string bytes;
  append_be32(bytes, static_cast<uint32_t>(data.size() + 1));
  return bytes + letter + std::string(data);
}

// Strings, each with its NUL.
inline std::string strings(const std::vector<std::string>& words) {
  std::string data;
  for (const auto& word : words) data += word + '\0';
  return data;
}

constexpr uint32_t kAllActions = 0x1ff;
constexpr uint32_t kAllProtocol = 0x1fffff;

inline std::string negotiation(uint32_t version = 6, uint32_t actions = kAllActions,
                               uint32_t protocol = kAllProtocol) {
  std::string data;
  for (const uint32_t number : {version, actions, protocol}) append_be32(data, number);
  return packet('O', data);
}
inline std::string macros(char command, const std::vector<std::string>& names_and_values) {
  return packet('D', command + strings(names_and_values));
}
inline std::string connection(const std::string& host, char family, uint16_t port,
                              const std::string& address) {
  std::string data = strings({host}) + family;
  if (family != 'U') {
    data += static_cast<char>(port >> 8);
    data += static_cast<char>(port & 0xff);
    data += strings({address});
  }
  return packet('C', data);
}
inline std::string header(const std::string& name, const std::string& value) {
  return packet('L', strings({name, value}));
}
// MAIL, one RCPT, DATA.
inline std::string envelope(const std::string& sender = "<a@b.example>",
                            const std::string& recipient = "<c@d.example>") {
  return packet('M', strings({sender, "SIZE=100"})) + packet('R', strings({recipient})) +
         packet('T');
}

// "O c i[1 NAME VALUE] m[2 NAME ] y[550 5.7.1 text] a": answers, in their order.
inline std::string answers(std::string_view bytes) {
  PacketReader reader;
  reader.receive(bytes);
  std::string text;
  while (const auto one = reader.next()) {
    if (!text.empty()) text += ' ';
    text += one->letter;
    Cursor data(one->data);
    if (one->letter == 'i' || one->letter == 'm') {
      text += '[' + std::to_string(take_be32(data));
      while (!data.at_end()) text += '|' + std::string(take_string(data));
      text += ']';
    } else if (one->letter == 'y' || one->letter == 'q' || one->letter == '-') {
      text += '[' + std::string(take_string(data)) + ']';
    }
    if (data.failed()) text += "(broken)";
  }
  return text;
}

}  // namespace postern::milter::test
