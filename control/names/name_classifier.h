// SPDX-License-Identifier: BSD-3-Clause
//
// NameClassifier: what a host's name, from reverse DNS or from HELO, tells about the host: tables
// of Postfix, one after the other, say which names are those of dynamic addresses (or of whatever
// class the site gives to a table), and exceptions say which of these are not so. docs/names.md has
// the rules. A class is evidence about a name, never a decision. Immutable, for any number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/names/access_result.h"
#include "control/names/table_matcher.h"

namespace postern::names {

inline constexpr std::string_view kUnknown = "unknown";  // nothing is known about the name
inline constexpr std::string_view kStatic = "static";    // a table or an exception vouches for it
inline constexpr std::string_view kDynamic = "dynamic";  // what tables name unless they are told

// What a class may be called: letters, digits and hyphens, at most 32 of them, a letter first.
bool is_class_name(std::string_view text) noexcept;

// One table, with what its results mean.
struct ClassifiedTable {
  TableMatcher matcher;
  std::string against = std::string(kDynamic);  // the class of names with kAgainst
  std::string marked = against;                 // of those with kMark
};

class NameClassifier {
 public:
  static constexpr size_t kMaxName = 1024;  // octets; longer names are unknown
  // Label-words of servers: static, mail, mx, smtp and their kind.
  static std::string_view built_in_exceptions() noexcept;

  // tables: asked in this order. exceptions: a table of which every match but DUNNO is one.
  NameClassifier(std::vector<ClassifiedTable> tables, TableMatcher exceptions);

  // A rule of a table that matched; views into the classifier.
  struct Place {
    const PcreTable* table = nullptr;  // null: no rule did
    const PcreRule* rule = nullptr;
    std::string result;  // with $n replaced
  };
  struct Classification {
    std::string_view name_class = kUnknown;  // owned by the classifier
    Place match;      // what decided; with DUNNO, the last that ended a table
    Place exception;  // what overruled match; no table: nothing did
    bool too_long = false;
  };

  class Scratch {
   public:
    explicit Scratch(const NameClassifier& classifier);
    uint64_t faults() const noexcept;  // TableMatcher::Scratch

   private:
    friend class NameClassifier;
    std::vector<TableMatcher::Scratch> tables_;
    TableMatcher::Scratch exceptions_;
  };

  // name: as DNS or the client gives it, any octets, with or without a final dot, which is not
  // searched.
  Classification classify(std::string_view name, Scratch& scratch) const;

  const std::vector<ClassifiedTable>& tables() const noexcept { return tables_; }
  const TableMatcher& exceptions() const noexcept { return exceptions_; }

 private:
  std::vector<ClassifiedTable> tables_;
  TableMatcher exceptions_;
};

}  // namespace postern::names
