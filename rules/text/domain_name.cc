// SPDX-License-Identifier: BSD-3-Clause
//
// Checking a domain name (rules/text/domain_name.h) against RFC 1035 section 2.3.4 for its lengths
// and RFC 5890 section 2.3.1 for its letters, digits and hyphens; underscores are let through, as
// names in DNS have them.
#include "rules/text/domain_name.h"

#include <algorithm>

#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxName = 253, kMaxLabel = 63;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_letter_digit_hyphen(char c) noexcept {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

// Null when it is a label.
const char* fault_of_label(std::string_view label) {
  if (label.empty()) return "has an empty label";
  if (label.size() > kMaxLabel) return "has a label of more than 63 bytes";
  if (label.front() == '-' || label.back() == '-')
    return "has a label that begins or ends with a hyphen";
  if (!std::all_of(label.begin(), label.end(), is_letter_digit_hyphen))
    return "has a byte that no domain name has";
  return nullptr;
}

const char* fault_of_name(std::string_view name) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!std::all_of(name.begin(), name.end(), is_ascii))
    return "is not ASCII; write it as A-labels (xn--...)";
  if (name.empty()) return "is empty";
  if (name.size() > kMaxName) return "has more than 253 bytes";
  std::string_view label;
  size_t labels = 0;
  for (size_t start = 0; start <= name.size(); start += label.size() + 1, labels++) {
    label = name.substr(start, name.find('.', start) - start);
    if (const auto* fault = fault_of_label(label)) return fault;
  }
  if (labels < 2) return "is a single label; a domain has at least two";
  if (std::all_of(label.begin(), label.end(), is_digit))
    return "ends in a number, as no domain does";
  return nullptr;
}

}  // namespace

std::optional<std::string> canonical_domain(std::string_view text, std::string* why) {
  if (text.size() > 1 && text.ends_with('.')) text.remove_suffix(1);
  std::string name(text);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const auto* fault = fault_of_name(name);
  if (!fault) return name;
  if (why) *why = quoted(text) + ' ' + fault;
  return std::nullopt;
}

}  // namespace postern
