// SPDX-License-Identifier: BSD-3-Clause
//
// A domain name as lists and policies write it, made canonical: lower case, A-labels, no final dot.
// At least two labels, because a name stands for all its subdomains too, and nobody means all of
// "com". Names that are not ASCII are refused: they are to be written as A-labels (xn--...).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern {

// nullopt when it is not one; then *why (unless null) says what is wrong, starting with the text.
std::optional<std::string> canonical_domain(std::string_view text, std::string* why = nullptr);

}  // namespace postern
