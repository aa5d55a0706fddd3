// SPDX-License-Identifier: BSD-3-Clause
//
// HeloPatterns: names that only bots say in HELO and EHLO, a file of regular expressions
// (rules/text/pattern_set.h), one per line; `#` begins a comment line. One thread only.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/text/pattern_set.h"

namespace postern::policy {

class HeloPatterns {
 public:
  // What Postern knows by itself; few, and each one seen in the wild for years.
  static std::string_view built_in() noexcept;

  // file is only for the diagnostics. Throws BadInput with every line that is no pattern.
  HeloPatterns(std::string_view text, const std::string& file);

  // The first pattern, in the order of the lines, that is found in the name; owned by this.
  std::optional<std::string_view> match(std::string_view name) const;
  size_t size() const noexcept { return patterns_.size(); }

 private:
  std::vector<std::string> patterns_;
  std::unique_ptr<const PatternSet> set_;
  std::optional<PatternSet::Scratch> scratch_;
};

}  // namespace postern::policy
