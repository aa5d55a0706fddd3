// SPDX-License-Identifier: BSD-3-Clause
//
// Checking a domain name (rules/text/domain_name.h) label by label (rules/text/domain_label.h).
#include "rules/text/domain_name.h"

#include <algorithm>

#include "rules/text/domain_label.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

const char* fault_of_name(std::string_view name) {
  const auto is_ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
  if (!std::all_of(name.begin(), name.end(), is_ascii))
    return "is not ASCII; write it as A-labels (xn--...)";
  if (name.empty()) return "is empty";
  if (name.size() > kMaxDomainName) return "has more than 253 bytes";
  std::string_view label;
  size_t labels = 0;
  for (size_t start = 0; start <= name.size(); start += label.size() + 1, labels++) {
    label = name.substr(start, name.find('.', start) - start);
    if (const auto* fault = fault_of_label(label)) return fault;
  }
  if (labels < 2) return "is a single label; a domain has at least two";
  return is_number_label(label) ? "ends in a number, as no domain does" : nullptr;
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
