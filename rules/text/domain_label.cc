// SPDX-License-Identifier: BSD-3-Clause
//
// Looking at the bytes of a label (rules/text/domain_label.h).
#include "rules/text/domain_label.h"

#include <algorithm>

namespace postern {
namespace {

constexpr size_t kMaxLabel = 63;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_letter_digit_hyphen(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

}  // namespace

const char* fault_of_label(std::string_view label) noexcept {
  if (label.empty()) return "has an empty label";
  if (label.size() > kMaxLabel) return "has a label of more than 63 bytes";
  if (label.front() == '-' || label.back() == '-')
    return "has a label that begins or ends with a hyphen";
  if (!std::ranges::all_of(label, is_letter_digit_hyphen))
    return "has a byte that no domain name has";
  return nullptr;
}

bool is_number_label(std::string_view label) noexcept {
  return std::ranges::all_of(label, is_digit);
}

}  // namespace postern
