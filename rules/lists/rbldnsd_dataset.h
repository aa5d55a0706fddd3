// SPDX-License-Identifier: BSD-3-Clause
//
// RbldnsdDataset: one dataset of addresses in an rbldnsd data file, read line by line. What the
// types mean is rbldnsd's (see its manual page), and a test asks rbldnsd itself:
//   ip4set   octets, prefixes and ranges. They live at four levels, /8, /16, /24 and /32 (an odd
//            prefix or a range is cut into pieces of them), and the finest level that has an
//            address answers for it, all its entries together; an exclusion there means "not
//            listed".
//   ip4trie, ip6trie   prefixes; the longest match answers. Of two for one prefix the first counts.
//   ip4tset  single addresses      ip6tset  /64 prefixes, and exclusions of single addresses
// Limits: leading zeros, which rbldnsd takes and its manual does not define, are bad lines.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rules/lists/list_format.h"
#include "rules/lists/list_lines.h"
#include "rules/lists/rbldnsd_values.h"

namespace postern {

enum class RbldnsdType : uint8_t { kIp4set, kIp4tset, kIp4trie, kIp6tset, kIp6trie };

// What stands behind the `$` of a line that is for rbldnsd rather than an entry: "$TTL 1h", and
// also
// "#$TTL 1h". nullopt: it is no such line.
std::optional<std::string_view> rbldnsd_special(std::string_view line);
bool is_rbldnsd_comment(std::string_view line);  // and no special

// What a whole data file shares.
struct RbldnsdFile {
  const std::string& name;
  ListContent& content;
  uint64_t max_range = UINT64_MAX;  // $MAXRANGE4, which can only be lowered

  // All but $DATASET, $n and $=.
  void read_special(std::string_view special, std::string_view line, uint32_t number);
};

class RbldnsdDataset {
 public:
  RbldnsdDataset(RbldnsdType type, const RbldnsdVariables& variables, RbldnsdFile& file);
  // A default value (":2:text") or an entry.
  void read(std::string_view line, uint32_t number);
  // Once, at the end.
  void finish();

  // Without reading for real.
  static bool fits(RbldnsdType type, std::string_view line);

 private:
  struct Entry {
    AddressRange range;
    std::string_view value;
    bool excluded;
  };
  static std::optional<Entry> read_entry(RbldnsdType type, std::string_view line, std::string* why);
  bool too_large(const AddressRange& range) const;
  std::optional<RbldnsdValue> value_of(const Entry& entry, std::string* why) const;
  uint32_t note_of(const Entry& entry, const RbldnsdValue& value, uint8_t level);
  void add_by_level(const Entry& entry, const RbldnsdValue& value, uint32_t number);
  template <typename Key>
  void drop_repeated(std::vector<ListEntry<Key>>& entries, size_t begin);

  RbldnsdType type_;
  RbldnsdVariables variables_;
  RbldnsdFile& file_;
  size_t v4_begin_, v6_begin_;
  RbldnsdValue default_;
  bool has_default_ = false;
  std::vector<std::pair<Entry, uint32_t>> waiting_;  // for their default value, with their lines
  std::array<uint32_t, 5> default_notes_{}, excluded_notes_{};  // by level; 0: not made yet
};

// A file that is one dataset, and the fit of one.
ListContent read_rbldnsd(std::string_view text, RbldnsdType type, const ListSource& source);
Fit fit_of_rbldnsd(std::string_view text, RbldnsdType type);

}  // namespace postern
