// SPDX-License-Identifier: BSD-3-Clause
//
// The text in pieces, joined anew for each address.
#include "control/directory/filter_template.h"

#include <stdexcept>

#include "rules/text/cursor.h"

namespace postern::directory {

std::string escape_filter_value(std::string_view value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string escaped;
  for (const char c : value) {
    if (c > 0x1f && c < 0x7f && c != '(' && c != ')' && c != '*' && c != '\\') {
      escaped += c;
      continue;
    }
    const auto octet = static_cast<uint8_t>(c);
    escaped += '\\';
    escaped += kDigits[octet >> 4];
    escaped += kDigits[octet & 0xf];
  }
  return escaped;
}

FilterTemplate::FilterTemplate(std::string_view text) {
  if (!text.starts_with('(') || !text.ends_with(')'))
    throw std::runtime_error("a filter begins with ( and ends with )");
  Cursor cursor(text);
  Piece piece;
  int depth = 0;
  bool names_address = false;
  while (!cursor.at_end()) {
    const char c = cursor.take();
    if (c == '(') depth++;
    if (c == ')' && --depth < 0) throw std::runtime_error("a ) without its (");
    if (c != '%') {
      piece.text += c;
      continue;
    }
    const char place = cursor.take();
    if (place == '%') {
      piece.text += '%';
      continue;
    }
    if (place != 's' && place != 'u' && place != 'd')
      throw std::runtime_error("behind % stands s, u, d or another %");
    names_address = names_address || place != 'd';
    pieces_.push_back(std::move(piece));
    pieces_.push_back({place, {}});
    piece = {};
  }
  pieces_.push_back(std::move(piece));
  if (depth != 0) throw std::runtime_error("a ( without its )");
  if (!names_address) throw std::runtime_error("%s or %u is missing: it would find anybody");
}

std::string FilterTemplate::filter_for(const MailAddress& address, std::string_view local) const {
  std::string filter;
  for (const auto& piece : pieces_) {
    switch (piece.place) {
      case 's':
        filter += escape_filter_value(MailAddress{std::string(local), address.domain}.text());
        break;
      case 'u':
        filter += escape_filter_value(local);
        break;
      case 'd':
        filter += escape_filter_value(address.domain);
        break;
      default:
        filter += piece.text;
    }
  }
  return filter;
}

std::string FilterTemplate::filter_for_any() const {
  std::string filter;
  for (const auto& piece : pieces_) {
    const std::string_view next = piece.place == 0 ? std::string_view(piece.text) : "*";
    // Two asterisks in a row are no filter.
    const bool twice = filter.ends_with('*') && next.starts_with('*');
    filter += next.substr(twice ? 1 : 0);
  }
  return filter;
}

}  // namespace postern::directory
