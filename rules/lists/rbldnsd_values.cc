// SPDX-License-Identifier: BSD-3-Clause
//
// A values and TXT templates of rbldnsd (rules/lists/rbldnsd_values.h).
#include "rules/lists/rbldnsd_values.h"

#include "rules/address/octets_text.h"
#include "rules/text/cursor.h"
#include "rules/text/quoted.h"
#include "rules/text/words.h"

namespace postern {
namespace {

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// "127.0.0.2", or "2" for the same. rbldnsd reads "1.2" too, as 1.0.0.2: nobody means that.
std::optional<std::string> read_a(std::string_view text) {
  std::string why;
  const auto octets = read_octets(text, &why);
  if (!octets) return std::nullopt;
  const auto address = octets->first().v4_host_order();
  if (octets->length() == 32 && address != 0) return octets->first().to_string();
  if (octets->length() == 8 && address != 0) return "127.0.0." + std::to_string(address >> 24);
  return std::nullopt;
}

}  // namespace

std::optional<RbldnsdValue> read_rbldnsd_value(std::string_view text,
                                               const RbldnsdValue& by_default, std::string* why) {
  Cursor cursor(text);
  if (!cursor.accept(':')) return RbldnsdValue{by_default.a, std::string(text)};
  const auto a_text = cursor.take_while([](char c) { return c != ':' && !is_blank(c); });
  const auto a = read_a(a_text);
  if (!a) {
    *why = quoted(a_text) + " is not an A value; 127.0.0.2 is one, or 2 for short";
    return std::nullopt;
  }
  cursor.take_while(is_blank);
  if (cursor.at_end()) return RbldnsdValue{*a, by_default.text};
  if (!cursor.accept(':')) {
    *why = quoted(text) + " has no second colon in front of its text";
    return std::nullopt;
  }
  return RbldnsdValue{*a, std::string(trimmed(cursor.rest()))};
}

bool RbldnsdVariables::set(std::string_view special) {
  if (special.size() < 2 || !is_blank(special[1])) return false;
  if (special[0] != '=' && !is_digit(special[0])) return false;
  auto& variable = special[0] == '=' ? base_ : numbered_[static_cast<size_t>(special[0] - '0')];
  if (variable.empty()) variable = trimmed(special.substr(2));
  return true;
}

// The text of an entry is put into the template $= as it is, so its own variables stay there.
std::string RbldnsdVariables::expanded(std::string_view text) const {
  constexpr size_t kLongest = 254;  // so rbldnsd
  std::string_view form = text, inside = text;
  if (text.starts_with('='))
    form = inside = text.substr(1);
  else if (!base_.empty())
    form = base_, inside = text.empty() ? std::string_view("$") : text;
  std::string result;
  for (Cursor cursor(form); !cursor.at_end() && result.size() < kLongest;) {
    result += cursor.take_while([](char c) { return c != '$'; });
    if (!cursor.accept('$')) break;
    if (cursor.accept('=')) {
      result += inside;
    } else if (is_digit(cursor.peek())) {
      const char digit = cursor.take();
      const auto& variable = numbered_[static_cast<size_t>(digit - '0')];
      result += variable.empty() ? std::string("$") + digit : variable;
    } else {
      result += cursor.accept('$') ? "$$" : "$";
    }
  }
  if (result.size() > kLongest) result.resize(kLongest);
  return result;
}

}  // namespace postern
