// SPDX-License-Identifier: BSD-3-Clause
//
// Only what a stranger cannot choose is written as it is; a name in HELO has to look like one.
#include "control/smtp/received_field.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

namespace postern::smtp {
namespace {

// Also underscores, which are no part of a host name but of many HELO names.
bool is_name_character(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_';
}

bool is_domain(std::string_view name) noexcept {
  return !name.empty() && std::all_of(name.begin(), name.end(), is_name_character);
}

bool is_address_literal(std::string_view name) noexcept {
  return name.size() > 2 && name.front() == '[' && name.back() == ']' &&
         std::all_of(name.begin() + 1, name.end() - 1,
                     [](char c) { return is_name_character(c) || c == ':'; });
}

}  // namespace

std::string address_literal(const IpAddress& address) {
  return (address.is_v4() ? "[" : "[IPv6:") + address.to_string() + "]";
}

std::string write_date(int64_t now) {
  static constexpr std::array<const char*, 7> kDays = {"Sun", "Mon", "Tue", "Wed",
                                                       "Thu", "Fri", "Sat"};
  static constexpr std::array<const char*, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  using namespace std::chrono;
  const sys_seconds time{seconds{now}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%s, %02u %s %04d %02d:%02d:%02d +0000",
                kDays[weekday{day}.c_encoding()], static_cast<unsigned>(date.day()),
                kMonths[static_cast<unsigned>(date.month()) - 1], static_cast<int>(date.year()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

std::string write_received(const ReceivedFacts& facts) {
  const std::string literal = address_literal(facts.client);
  const bool sound = is_domain(facts.helo) || is_address_literal(facts.helo);
  std::string field = "Received: from ";
  field += sound ? facts.helo : std::string_view(literal);
  field += " (";
  // A name that DNS gave may still be none.
  if (is_domain(facts.name)) field += std::string(facts.name) + ' ';
  field += literal + ")\r\n\tby ";
  field += facts.by;
  // RFC 3848 has no name for HELO over TLS.
  field += !facts.extended ? " with SMTP" : facts.utf8 ? " with UTF8SMTP" : " with ESMTP";
  if (facts.extended && !facts.tls.empty()) field += 'S';
  if (!facts.tls.empty()) {
    field += " (";
    field += facts.tls;
    field += ")";
  }
  field += "\r\n\tid ";
  field += facts.id;
  if (!facts.recipient.empty()) {
    field += "\r\n\tfor <";
    field += facts.recipient;
    field += ">";
  }
  field += ";\r\n\t" + write_date(facts.now) + "\r\n";
  return field;
}

}  // namespace postern::smtp
