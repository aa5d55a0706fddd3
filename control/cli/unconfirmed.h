// SPDX-License-Identifier: BSD-3-Clause
//
// Where rules lie that are in force but not confirmed: beside their place, so that an engine that
// starts meanwhile takes the confirmed ones.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::cli {

inline constexpr std::string_view kUnconfirmedSuffix = ".unconfirmed";

inline std::string unconfirmed_beside(const std::string& target) {
  return target + std::string(kUnconfirmedSuffix);
}

// The place that a file waits for; nullopt where its name is no such one.
inline std::optional<std::string> target_of_unconfirmed(const std::string& path) {
  if (!path.ends_with(kUnconfirmedSuffix)) return std::nullopt;
  return path.substr(0, path.size() - kUnconfirmedSuffix.size());
}

}  // namespace postern::cli
