// SPDX-License-Identifier: BSD-3-Clause
//
// Reading $n as Postfix's mac_parse(3) does: a name is letters, digits and underscores, or whatever
// stands between brackets, and must be a number.
#include "control/names/result_text.h"

#include <algorithm>
#include <utility>

#include "rules/text/cursor.h"
#include "rules/text/quoted.h"

namespace postern::names {
namespace {

constexpr uint32_t kMaxGroup = 65535;  // PCRE2 has no more

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_name(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// Behind the dollar sign, which stands at `start`.
std::string_view take_name(Cursor& cursor, size_t start) {
  const char open = cursor.peek();
  if (open != '{' && open != '(') return cursor.take_while(is_name);
  cursor.take();
  const auto name = cursor.take_while(is_name);
  if (!cursor.accept(open == '{' ? '}' : ')'))
    throw BadResultText(start, std::string("$") + open + " is not closed behind a number");
  return name;
}

uint32_t number_of(std::string_view name, size_t start) {
  if (name.empty()) throw BadResultText(start, "$ is followed by no number; $$ is a dollar sign");
  if (!std::ranges::all_of(name, is_digit))
    throw BadResultText(start, "$" + quoted(name) + " is no number of a group");
  uint32_t number = 0;
  for (const char c : name) {
    number = number * 10 + static_cast<uint32_t>(c - '0');
    if (number > kMaxGroup) break;
  }
  if (number == 0 || number > kMaxGroup)
    throw BadResultText(start, "$" + std::string(name.substr(0, 8)) + " is out of range");
  return number;
}

}  // namespace

ResultText::ResultText(std::string_view text) {
  Cursor cursor(text);
  Part part;
  while (!cursor.at_end()) {
    part.text += cursor.take_while([](char c) { return c != '$'; });
    const size_t start = cursor.position();
    if (!cursor.accept('$')) break;
    if (cursor.accept('$')) {
      part.text += '$';
      continue;
    }
    part.group = number_of(take_name(cursor, start), start);
    if (part.group > groups_) {
      groups_ = part.group;
      place_of_largest_ = start;
    }
    parts_.push_back(std::exchange(part, {}));
  }
  if (!part.text.empty()) parts_.push_back(std::move(part));
  for (const auto& one : parts_) literal_ += one.text;
}

std::string ResultText::expanded(const std::function<std::string_view(uint32_t)>& group) const {
  std::string text;
  for (const auto& part : parts_) {
    text += part.text;
    if (part.group != 0) text += group(part.group);
  }
  return text;
}

}  // namespace postern::names
