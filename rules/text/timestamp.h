// SPDX-License-Identifier: BSD-3-Clause
//
// A point in time as people and feeds write it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern {

// Unix seconds ("1700000000"), or RFC 3339 §5.6 ("2023-11-14T22:13:20Z", "2023-11-14
// 23:13:20+01:00", fractions of a second are read and dropped). nullopt for anything else, and
// before 1970.
std::optional<int64_t> parse_time(std::string_view text);

}  // namespace postern
