// SPDX-License-Identifier: BSD-3-Clause
//
// PcreTable: a pcre_table(5) of Postfix, read. The first rule whose pattern matches, and whose
// conditions (`if /…/ … endif`, which nest) hold, gives the result. Stricter than Postfix, which
// passes over bad lines with a warning: a table with a mistake is refused whole, since what a lost
// `if` was to enclose cannot be told. Limits: kMaxRules, kMaxDepth, kMaxLine.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/names/pcre_pattern.h"
#include "control/names/result_text.h"
#include "rules/text/diagnostic.h"

namespace postern::names {

// `if`: what stands between it and its `endif` counts only where it holds.
struct PcreCondition {
  PcrePattern pattern;
  bool negated = false;
  uint32_t line = 0;               // at which it begins, from 1
  std::optional<uint32_t> within;  // the condition that encloses it, an earlier one
};

struct PcreRule {
  PcrePattern pattern;
  bool negated = false;  // `!/…/`: where the pattern does not match
  ResultText result;     // no groups where negated
  uint32_t line = 0;
  std::optional<uint32_t> within;
};

struct PcreTable {
  static constexpr size_t kMaxBytes = size_t{16} << 20;
  static constexpr size_t kMaxRules = 100000;  // conditions included
  static constexpr size_t kMaxDepth = 64;
  static constexpr size_t kMaxLine = 65536;  // bytes, continued
  static constexpr size_t kMaxErrors = 50;   // that are told

  std::string file;
  std::vector<PcreCondition> conditions;  // in the order of the file
  std::vector<PcreRule> rules;            // likewise
  std::vector<Diagnostic> warnings;

  // file is only for diagnostics. Every pattern is one that PCRE2 takes. Throws BadInput with one
  // error for each statement that is wrong, by its place.
  static PcreTable parse(std::string_view text, std::string file);
  // The file as it is, or packed by gzip or xz. Throws BadInput, too, when it cannot be read.
  static PcreTable load(const std::string& path);
};

}  // namespace postern::names
