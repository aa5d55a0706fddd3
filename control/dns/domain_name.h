// SPDX-License-Identifier: BSD-3-Clause
//
// Domain names in the one form that everything in control compares: A-labels, ASCII lower case,
// without the final dot. What mail carries may be U-labels (RFC 6531), any case, or not a name at
// all; it is brought to this form once, where it is read.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace postern::dns {

constexpr size_t kMaxNameLength = 253;  // RFC 1035 §2.3.4, as text without the final dot
constexpr size_t kMaxLabelLength = 63;

constexpr char ascii_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
std::string ascii_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;  // ASCII case

// A domain name as mail writes it -> A-labels. U-labels go through IDNA 2008 with the mapping of
// UTS 46 (RFC 5895 in spirit: full-width letters and dots are mapped). Letters, digits, hyphens and
// underscores only; nullopt for anything else: an empty name or label, a label over 63 or a name
// over 253 octets, a label that starts or ends with a hyphen. One final dot is accepted and
// removed.
std::optional<std::string> to_a_labels(std::string_view name);

// Is name equal to domain, or below it? Both in the form that to_a_labels gives.
bool is_within(std::string_view name, std::string_view domain) noexcept;

}  // namespace postern::dns
