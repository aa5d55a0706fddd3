// SPDX-License-Identifier: BSD-3-Clause
//
// TableMatcher: a table of Postfix, answering for a name which of its rules is the first that
// matches, all patterns at once (control/names/pattern_database.h). The answer is that of Postfix,
// which tries them one after the other; so is what a fault means: a pattern that cannot be tried on
// a name (kMatchLimit, no UTF-8) holds neither as it is nor negated. Immutable, for any number of
// threads; each looks up with a scratch of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/names/database_cache.h"
#include "control/names/pattern_database.h"
#include "control/names/pcre_table.h"

namespace postern::names {

class TableMatcher {
 public:
  // cache: may be null, and is used only here. Throws BadInput where Hyperscan cannot compile the
  // table.
  explicit TableMatcher(PcreTable table, DatabaseCache* cache = nullptr);

  const PcreTable& table() const noexcept { return table_; }
  const PatternDatabase& database() const noexcept { return database_; }
  // Patterns, those of conditions included.
  size_t size() const noexcept { return database_.size(); }

  // A pattern that PCRE2 is asked about.
  struct Fallback {
    uint32_t line;
    std::string pattern;
    bool prefiltered;  // only for names that may match
    std::string reason;
  };
  std::vector<Fallback> fallbacks() const;

  class Scratch {
   public:
    explicit Scratch(const TableMatcher& matcher);
    // Times that a pattern could not be tried.
    uint64_t faults() const noexcept { return faults_; }

   private:
    friend class TableMatcher;
    enum class State : uint8_t { kUnknown, kNo, kYes, kFault };
    PatternDatabase::Scratch search_;
    std::vector<uint8_t> may_match_;              // by pattern, for the name at hand
    std::vector<State> states_;                   // by fallback
    std::vector<CompiledPattern::Groups> tries_;  // likewise
    uint64_t faults_ = 0;
  };

  // The number of the first rule of table() that matches.
  std::optional<uint32_t> first(std::string_view name, Scratch& scratch) const;
  // What that rule gives for the name, $n in it replaced.
  std::string result(uint32_t rule, std::string_view name) const;

 private:
  bool holds(uint32_t pattern, bool negated, std::string_view name, Scratch& scratch) const;
  bool is_reached(const PcreRule& rule, std::string_view name, Scratch& scratch) const;

  // Patterns are numbered: those of the conditions, then those of the rules.
  uint32_t pattern_of_rule(size_t rule) const noexcept {
    return static_cast<uint32_t>(table_.conditions.size() + rule);
  }

  PcreTable table_;
  PatternDatabase database_;
  std::vector<uint32_t> always_;           // rules that may match where no pattern is found
  std::vector<uint32_t> fallback_of_;      // by pattern: its place among the fallbacks
  std::vector<CompiledPattern> compiled_;  // by fallback
};

}  // namespace postern::names
