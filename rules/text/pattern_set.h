// SPDX-License-Identifier: BSD-3-Clause
//
// PatternSet: regular expressions that Hyperscan compiles into one automaton, so that a thousand
// cost what one costs, in time linear in the text. In the syntax that Hyperscan shares with PCRE,
// case-insensitive, found anywhere in a text unless anchored. Immutable, for any number of threads;
// each scans with a scratch of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct hs_database;
struct hs_scratch;

namespace postern {

class PatternSet {
 public:
  // Why a pattern is none, in Hyperscan's words; empty when it is one.
  static std::string complaint_about(const std::string& pattern);

  // Throws std::runtime_error where a pattern is none, std::bad_alloc.
  explicit PatternSet(const std::vector<std::string>& patterns);
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

 private:
  hs_database* database_ = nullptr;  // null: no patterns
};

}  // namespace postern
