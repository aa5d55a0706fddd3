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
#include <span>
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
  // Patterns, those of conditions included.
  size_t size() const noexcept { return rules_.database.size() + conditions_.database.size(); }
  // Whether all that is compiled came from the cache, and why it could not be used or written.
  bool is_cached() const noexcept;
  std::string cache_complaint() const;

  // A pattern that PCRE2 is asked about.
  struct Fallback {
    uint32_t line;
    std::string pattern;
    bool prefiltered;  // only for names that may match
    std::string reason;
  };
  std::vector<Fallback> fallbacks() const;

  class Scratch;
  // The number of the first rule of table() that matches.
  std::optional<uint32_t> first(std::string_view name, Scratch& scratch) const;
  // What that rule gives for the name, $n in it replaced.
  std::string result(uint32_t rule, std::string_view name) const;

 private:
  // Those of the rules, or those of the conditions, by their places in the table.
  struct Patterns {
    Patterns(const std::vector<PcrePattern>& patterns, DatabaseCache* cache);
    PatternDatabase database;
    std::vector<uint32_t> fallback_of;      // by pattern: its place among the fallbacks
    std::vector<CompiledPattern> compiled;  // by fallback
  };
  // What is known of them for the name at hand.
  class Tried {
   public:
    explicit Tried(const Patterns& patterns);
    void begin(const Patterns& patterns, std::string_view name);
    void end() noexcept;
    bool holds(const Patterns& patterns, uint32_t pattern, bool negated, std::string_view name);

    std::span<const uint32_t> found;  // by PatternDatabase::search
    bool has_begun = false;
    uint64_t faults = 0;

   private:
    enum class State : uint8_t { kUnknown, kNo, kYes, kFault };
    PatternDatabase::Scratch search_;
    std::vector<uint8_t> may_match_;               // by pattern
    std::vector<State> states_;                    // by fallback
    std::vector<CompiledPattern::Groups> groups_;  // likewise
  };

  static Patterns compiled(const PcreTable& table, const std::vector<PcrePattern>& patterns,
                           DatabaseCache* cache);
  bool is_reached(const PcreRule& rule, std::string_view name, Tried& conditions) const;
  void add_fallbacks(std::vector<Fallback>& all, const Patterns& patterns,
                     const auto& statements) const;

  PcreTable table_;
  Patterns rules_, conditions_;
  std::vector<uint32_t> always_;  // rules that may match where no pattern is found

 public:
  class Scratch {
   public:
    explicit Scratch(const TableMatcher& matcher)
        : rules_(matcher.rules_), conditions_(matcher.conditions_) {}
    // Times that a pattern could not be tried.
    uint64_t faults() const noexcept { return rules_.faults + conditions_.faults; }

   private:
    friend class TableMatcher;
    Tried rules_, conditions_;
  };
};

}  // namespace postern::names
