// SPDX-License-Identifier: BSD-3-Clause
//
// Times and durations as people write them on a command line and read them in its output. Times are
// Unix seconds; text is UTC in the form of RFC 3339.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rules/text/timestamp.h"

namespace postern::cli {

int64_t unix_now();

// "2023-11-14T22:13:20Z"
std::string utc_text(int64_t unix_seconds);
// "2023-11-14T22:13:20.000001Z": nanoseconds since 1970, cut to microseconds.
std::string utc_text_micro(int64_t unix_nanoseconds);

// "90s", "30m", "1h", "7d", "1h30m"; a number alone is seconds. nullopt for anything else, for
// zero, and beyond ten years.
std::optional<std::chrono::seconds> parse_duration(std::string_view text);
// "2 d 4 h", "55 min 3 s", "0 s": the two largest units.
std::string duration_text(int64_t seconds);
// "in 2 d 4 h", or "3 min 2 s ago" when the time is not after now.
std::string until_text(int64_t unix_seconds, int64_t now);

}  // namespace postern::cli
