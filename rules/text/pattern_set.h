// SPDX-License-Identifier: BSD-3-Clause
//
// PatternSet: regular expressions that Hyperscan compiles into one automaton, so that a thousand
// cost what one costs, in time linear in the text. In the syntax that Hyperscan shares with PCRE,
// case-insensitive unless said otherwise, found anywhere in a text unless anchored. Immutable, for
// any number of threads; each scans with a scratch of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct hs_database;
struct hs_scratch;

namespace postern {

// One of a set, with what PCRE calls options.
struct Pattern {
  std::string expression = {};
  bool caseless = true;
  bool dot_all = false;
  bool multi_line = false;
  bool may_be_empty = false;  // a pattern that finds nothing at all is one, too
  // Finds at least what the expression would: constructs that Hyperscan lacks are widened.
  bool prefilter = false;
};

class PatternSet {
 public:
  // A pattern that cannot be compiled, in Hyperscan's words.
  class Refused : public std::runtime_error {
   public:
    Refused(std::optional<size_t> pattern, const std::string& why)
        : std::runtime_error(why), pattern_(pattern) {}
    // Which, from 0; nullopt: it is all of them together.
    std::optional<size_t> pattern() const noexcept { return pattern_; }

   private:
    std::optional<size_t> pattern_;
  };

  // Why a pattern is none, in Hyperscan's words; empty when it is one.
  static std::string complaint_about(const std::string& pattern);
  // The same without compiling it: one that is too large is only refused when it is compiled.
  static std::string complaint_about(const Pattern& pattern);

  // Throws Refused where a pattern is none, std::bad_alloc.
  explicit PatternSet(const std::vector<std::string>& patterns);
  static std::unique_ptr<const PatternSet> of(std::span<const Pattern> patterns);

  // What is compiled, as bytes that this version of Hyperscan takes on this kind of processor.
  std::string serialised() const;
  // nullptr for bytes of another version or processor, and for most that are damaged. What is
  // damaged further is not noticed: give it only bytes that are known to be what serialised() gave.
  static std::unique_ptr<const PatternSet> deserialised(std::string_view bytes);
  // The version of Hyperscan and the kind of processor, as text without a line end.
  static std::string platform();

  ~PatternSet();
  PatternSet(const PatternSet&) = delete;
  PatternSet& operator=(const PatternSet&) = delete;

  // What one thread at a time scans with; of one set only.
  class Scratch {
   public:
    // Throws std::bad_alloc.
    explicit Scratch(const PatternSet& set);
    ~Scratch();
    Scratch(Scratch&& other) noexcept;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;

   private:
    friend class PatternSet;
    hs_scratch* scratch_ = nullptr;
  };

  // The first pattern, in the order given, that is found in the text.
  std::optional<uint32_t> first_in(std::string_view text, const Scratch& scratch) const noexcept;
  // All that are found, each once, by their places in the order given; in no order. As many as fit
  // found's capacity.
  void all_in(std::string_view text, const Scratch& scratch,
              std::vector<uint32_t>& found) const noexcept;

 private:
  static std::unique_ptr<const PatternSet> owning(hs_database* database);

  hs_database* database_ = nullptr;  // null: no patterns
};

}  // namespace postern
