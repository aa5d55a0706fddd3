// SPDX-License-Identifier: BSD-3-Clause
//
// A number as feeds write counts and weights: digits, and perhaps a fraction.
#pragma once

#include <optional>
#include <string_view>

namespace postern {

// "7", "0.25". nullopt for anything else: a sign, an exponent, "1.", ".5", more than 16 bytes.
std::optional<double> read_number(std::string_view text) noexcept;

}  // namespace postern
