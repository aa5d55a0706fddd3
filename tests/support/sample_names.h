// SPDX-License-Identifier: BSD-3-Clause
//
// SampleNames: host names to try tables of patterns on, drawn from the patterns themselves (so that
// each pattern is met), from what nearly matches them, from names as servers and access lines have
// them, and from octets of any kind. The same seed gives the same names. Limits: what a draw makes
// of a pattern is a guess that mostly matches; look-around, options and references are passed over.
#pragma once

#include <array>
#include <cstddef>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "rules/text/cursor.h"

namespace postern::tests {

class SampleNames {
 public:
  explicit SampleNames(unsigned seed) : random_(seed) {}

  // A text that the pattern, without delimiters and flags, probably matches.
  std::string from_pattern(std::string_view pattern) {
    Cursor cursor(pattern);
    std::string name = alternatives(cursor, 0);
    if (!pattern.starts_with('^') && chance(2)) name = word() + '.' + name;
    if (!pattern.ends_with('$') && chance(2)) name += word() + ".example";
    return name.substr(0, kMaxLength);
  }

  // With a few octets changed, taken out, put in, or in the other case.
  std::string changed(std::string name) {
    for (size_t changes = 1 + below(3); changes > 0; changes--) {
      const size_t place = below(name.size() + 1);
      if (place < name.size() && chance(3))
        name.erase(place, 1);
      else if (place < name.size() && chance(2))
        name[place] = static_cast<char>(name[place] ^ 0x20);
      else
        name.insert(place, 1, "0123456789abcdefxyz.-_"[below(22)]);
    }
    return name;
  }

  // As servers are called.
  std::string server() {
    constexpr std::array<std::string_view, 10> kHosts = {
        "mail", "mx", "smtp", "out", "mta", "relay", "www", "ns", "mail-out", "list"};
    constexpr std::array<std::string_view, 6> kTops = {".example", ".com",    ".net",
                                                       ".org.uk",  ".com.mx", ".de"};
    return std::string(kHosts[below(kHosts.size())]) + (chance(2) ? digits(2) : "") + '.' + word() +
           std::string(kTops[below(kTops.size())]);
  }

  // As access lines are called: an address in it, in some way.
  std::string line() {
    constexpr std::array<std::string_view, 10> kHints = {
        "adsl", "dsl", "pool", "dyn", "dhcp", "cable", "ppp", "static", "host", "customer"};
    const std::string joint(1, "-._"[below(3)]);
    std::string address = digits(3);
    for (int i = 0; i < 3; i++) address += joint + digits(3);
    const std::string hint(kHints[below(kHints.size())]);
    const std::string net = word() + (chance(2) ? ".net" : ".com.mx");
    return chance(2) ? hint + joint + address + '.' + net : address + '.' + hint + '.' + net;
  }

  // Up to 60 octets of any kind.
  std::string octets() {
    std::string text;
    for (size_t length = below(60); length > 0; length--)
      text += static_cast<char>(chance(2) ? below(256) : 'a' + below(26));
    return text;
  }

  size_t below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  bool chance(size_t one_in) { return below(one_in) == 0; }

 private:
  static constexpr size_t kMaxLength = 200;
  static constexpr int kMaxDepth = 30;

  std::string digits(size_t most) {
    std::string text;
    for (size_t length = 1 + below(most); length > 0; length--)
      text += static_cast<char>('0' + below(10));
    return text;
  }
  std::string word() {
    std::string text;
    for (size_t length = 2 + below(9); length > 0; length--)
      text += static_cast<char>('a' + below(26));
    return text;
  }

  // Up to the closing bracket, which is left; one of the alternatives.
  std::string alternatives(Cursor& cursor, int depth) {
    std::vector<std::string> all(1);
    while (!cursor.at_end() && cursor.peek() != ')') {
      if (cursor.accept('|'))
        all.emplace_back();
      else
        all.back() += repeated(cursor, depth);
    }
    return all[below(all.size())];
  }

  std::string repeated(Cursor& cursor, int depth) {
    const auto before = cursor;
    std::string text = atom(cursor, depth);
    const auto [least, most] = quantifier(cursor);
    const size_t times = least + below(most - least + 1);
    if (times == 0) return {};
    const auto end = cursor;
    for (size_t i = 1; i < times && text.size() < kMaxLength; i++) {
      cursor = before;
      text += atom(cursor, depth);
    }
    cursor = end;
    return text;
  }

  struct Times {
    size_t least, most;
  };
  Times quantifier(Cursor& cursor) {
    Times times{1, 1};
    if (cursor.accept('?')) {
      times = {0, 1};
    } else if (cursor.accept('*')) {
      times = {0, 5};
    } else if (cursor.accept('+')) {
      times = {1, 6};
    } else if (cursor.accept('{')) {
      times.least = count(cursor);
      times.most =
          cursor.accept(',') ? cursor.peek() == '}' ? times.least + 3 : count(cursor) : times.least;
      cursor.accept('}');
      if (times.most < times.least) times.most = times.least;
    } else {
      return times;
    }
    if (!cursor.accept('?')) cursor.accept('+');
    return times;
  }
  static size_t count(Cursor& cursor) {
    size_t value = 0;
    for (const char c : cursor.take_while([](char d) { return d >= '0' && d <= '9'; }))
      value = value < 100 ? value * 10 + static_cast<size_t>(c - '0') : value;
    return value;
  }

  std::string atom(Cursor& cursor, int depth) {
    const char c = cursor.take();
    if (c == '^' || c == '$') return {};
    if (c == '.') return std::string(1, "abcxyz019-"[below(10)]);
    if (c == '\\') return escaped(cursor.take());
    if (c == '[') return of_class(cursor);
    if (c != '(') return std::string(1, c);
    const bool is_left_out = cursor.accept("?!") || cursor.accept("?<!") || cursor.accept("?=") ||
                             cursor.accept("?<=") || depth > kMaxDepth;
    cursor.accept("?:");
    auto text = alternatives(cursor, depth + 1);
    cursor.accept(')');
    return is_left_out ? std::string() : text;
  }

  std::string escaped(char c) {
    if (c == 'd') return std::string(1, static_cast<char>('0' + below(10)));
    if (c == 'w') return std::string(1, "abz059_"[below(7)]);
    if (c == 's') return " ";
    if (c == 'S' || c == 'D') return "x";
    if (c == 'b' || c == 'A' || c == 'Z' || c == 'z' || c == '\0') return {};
    return std::string(1, c);
  }

  std::string of_class(Cursor& cursor) {
    const bool is_negated = cursor.accept('^');
    std::string members;
    while (!cursor.at_end()) {
      if (cursor.accept("[:")) {  // [:alnum:] and its kin
        cursor.take_until(']');
        members += "ab1";
        continue;
      }
      char c = cursor.take();
      if (c == ']' && !members.empty()) break;
      if (c == '\\') {
        members += escaped(cursor.take());
        continue;
      }
      members += c;
      if (cursor.peek() != '-' || cursor.rest().size() < 2 || cursor.rest()[1] == ']') continue;
      cursor.take();
      for (const char last = cursor.take(); c < last && c < 0x7f;) members += ++c;
    }
    if (members.empty()) return {};
    if (!is_negated) return std::string(1, members[below(members.size())]);
    for (const char other : std::string_view("x7-.q_ "))
      if (members.find(other) == std::string::npos) return std::string(1, other);
    return "~";
  }

  std::mt19937 random_;
};

}  // namespace postern::tests
