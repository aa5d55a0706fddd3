// SPDX-License-Identifier: BSD-3-Clause
//
// How long an entry of a packet filter's set is to last, as nftables writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern {

// Seconds: "90", "1d2h3m4s5ms", units w d h m s ms, parts of a second dropped. nullopt for anything
// else, and beyond kLongestDuration.
std::optional<int64_t> parse_duration(std::string_view text) noexcept;

inline constexpr int64_t kLongestDuration = int64_t{1} << 40;

}  // namespace postern
