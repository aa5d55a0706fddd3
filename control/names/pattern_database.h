// SPDX-License-Identifier: BSD-3-Clause
//
// PatternDatabase: many patterns of PCRE as one automaton of Hyperscan, which answers for each of
// them whether it matches, as PCRE2 would. What Hyperscan cannot take (references back, what looks
// around, a `$` that is only the end) is left to PCRE2, and known by number and reason: where
// possible an approximation of it is in the automaton, so that PCRE2 is asked only for texts that
// may match. Immutable, for any number of threads.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "control/names/database_cache.h"
#include "control/names/pcre_pattern.h"
#include "rules/text/pattern_set.h"

namespace postern::names {

class PatternDatabase {
 public:
  enum class Mode : uint8_t {
    kExact,       // the automaton's answer is the answer
    kPrefilter,   // its "no" is; a "yes" must be confirmed
    kUnfiltered,  // it knows nothing
  };
  // A pattern that is not exact.
  struct Fallback {
    uint32_t pattern;    // its number
    Mode mode;           // kPrefilter or kUnfiltered
    std::string reason;  // why, in Hyperscan's words
  };
  enum class Origin : uint8_t { kCompiled, kCache };

  // patterns: such that PCRE2 takes. cache: asked first, and told what had to be compiled; may be
  // null. Throws std::runtime_error where Hyperscan cannot compile the patterns at all, and
  // std::bad_alloc.
  PatternDatabase(std::span<const PcrePattern> patterns, DatabaseCache* cache);

  size_t size() const noexcept { return modes_.size(); }
  Mode mode(uint32_t pattern) const noexcept { return modes_[pattern]; }
  const std::vector<Fallback>& fallbacks() const noexcept { return fallbacks_; }
  Origin origin() const noexcept { return origin_; }
  // Why the cache could not be used or written; empty: it could, or there is none.
  const std::string& cache_complaint() const noexcept { return cache_complaint_; }

  // What one thread at a time looks up with; of one database only.
  class Scratch {
   public:
    explicit Scratch(const PatternDatabase& database);

   private:
    friend class PatternDatabase;
    PatternSet::Scratch scratch_;
    std::vector<uint32_t> found_;
  };
  // The patterns that match, or may where they are kPrefilter, by number, ascending; valid until
  // the next search with that scratch. Those that are kUnfiltered are not among them.
  std::span<const uint32_t> search(std::string_view text, Scratch& scratch) const;

 private:
  void choose_modes(std::span<const PcrePattern> patterns);
  void compile(std::span<const PcrePattern> patterns);
  std::string serialised() const;
  bool restore(std::string_view bytes, size_t patterns);
  void number();

  std::vector<Mode> modes_;
  std::vector<Fallback> fallbacks_;  // ascending
  std::vector<uint32_t> numbers_;    // of the set's patterns, ascending
  std::unique_ptr<const PatternSet> set_;
  Origin origin_ = Origin::kCompiled;
  std::string cache_complaint_;
};

}  // namespace postern::names
