// SPDX-License-Identifier: BSD-3-Clause
//
// Format prefix-list: `ip prefix-list NAME [seq N] permit|deny PREFIX [ge X] [le Y]` of Cisco IOS,
// NX-OS and FRR, and `ipv6 prefix-list` likewise. The entries of a name are asked in the order of
// their sequence numbers, and the first that has an address decides; `deny` is an exclusion. The
// lengths of `ge` and `le` are about routes: here the prefix counts with all its addresses. `no ip
// prefix-list NAME` forgets what came before, as routers do. The name is the value of its entries.
#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/lists/list_parts.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr uint32_t kLastSequence = 4294967294;

struct Entry {
  uint32_t sequence;
  Prefix prefix;
  uint32_t line;
  bool denied;
};

// One name in one address family.
struct PrefixList {
  std::string name;
  std::vector<Entry> entries = {};
  uint32_t last_sequence = 0;
};

struct ListLine {
  bool removed = false;  // it begins with `no`
  Family family = Family::kV4;
  std::string_view name, rest;
};

// "[no] ip|ipv6 prefix-list NAME ..."; nullopt when it is another.
std::optional<ListLine> parse(std::string_view line) {
  Cursor cursor(line);
  ListLine parts;
  auto word = take_word(cursor);
  parts.removed = word == "no";
  if (parts.removed) word = take_word(cursor);
  if (word != "ip" && word != "ipv6") return std::nullopt;
  parts.family = word == "ip" ? Family::kV4 : Family::kV6;
  if (take_word(cursor) != "prefix-list") return std::nullopt;
  parts.name = take_word(cursor);
  parts.rest = cursor.rest();
  if (parts.name.empty()) return std::nullopt;
  return parts;
}

// What a configuration has around its lists.
bool says_nothing(std::string_view line) {
  if (line.starts_with('!') || line.starts_with('#')) return true;
  for (const auto word : {"end", "exit", "configure terminal", "conf t"})
    if (line == word) return true;
  return false;
}

class Reader {
 public:
  Reader(const std::string& file, ListContent& content) : file_(file), content_(content) {}

  void run(std::string_view text) {
    for (ListLines lines(text, Comments::kNone); lines.next();) {
      std::string why;
      if (!read(lines.text(), lines.number(), &why)) content_.skip(file_, lines.number(), why);
    }
    add_all();
  }

 private:
  bool read(std::string_view line, uint32_t number, std::string* why) {
    if (says_nothing(line)) return true;
    const auto parts = parse(line);
    if (!parts) {
      *why = quoted(line) + " is not a line of a prefix-list";
      return false;
    }
    if (parts->name == "sequence-number") return true;  // of all lists: whether they are shown
    if (parts->removed) return remove(*parts, why);
    return read_entry(*parts, number, why);
  }

  bool remove(const ListLine& parts, std::string* why) {
    if (!parts.rest.empty()) {
      *why = "entries are not removed one by one here";
      return false;
    }
    if (const auto found = numbers_.find({parts.family, std::string(parts.name)});
        found != numbers_.end()) {
      lists_[found->second].entries.clear();
      lists_[found->second].last_sequence = 0;
    }
    return true;
  }

  bool read_entry(const ListLine& parts, uint32_t number, std::string* why) {
    auto& list = list_of(parts);
    Cursor cursor(parts.rest);
    auto word = take_word(cursor);
    if (word == "description" || word == "remark") return true;
    std::optional<uint32_t> sequence;
    if (word == "seq") {
      const auto text = take_word(cursor);
      const auto value = read_number(text);
      if (!value || text.find('.') != std::string_view::npos || *value > kLastSequence) {
        *why = quoted(text) + " is not a sequence number";
        return false;
      }
      sequence = static_cast<uint32_t>(*value);
      word = take_word(cursor);
    }
    if (word != "permit" && word != "deny") {
      *why = quoted(word) + " stands where permit or deny should";
      return false;
    }
    const auto prefix = read_list_prefix(take_word(cursor), parts.family, why);
    if (!prefix || !read_lengths(cursor, *prefix, why)) return false;
    constexpr uint32_t kStep = 5;
    if (!sequence) sequence = std::min(list.last_sequence, kLastSequence - kStep) + kStep;
    list.last_sequence = std::max(list.last_sequence, *sequence);
    list.entries.push_back({*sequence, *prefix, number, word == "deny"});
    return true;
  }

  static std::optional<Prefix> read_list_prefix(std::string_view text, Family family,
                                                std::string* why) {
    if (text == "any") text = family == Family::kV4 ? "0.0.0.0/0" : "::/0";
    auto prefix = read_prefix(text, why);
    if (!prefix || prefix->family() == family) return prefix;
    *why = quoted(text) + " is not of the address family of its list";
    return std::nullopt;
  }

  // "ge X", "le Y", "eq Z": checked, as a line that a router refuses is not in its list.
  static bool read_lengths(Cursor& cursor, const Prefix& prefix, std::string* why) {
    while (!cursor.at_end()) {
      const auto word = take_word(cursor);
      if (word != "ge" && word != "le" && word != "eq") {
        *why = quoted(word) + " stands where ge, le or the end of the line should";
        return false;
      }
      const auto text = take_word(cursor);
      const auto length = read_number(text);
      if (!length || *length < prefix.length() || *length > bits_of(prefix.family())) {
        *why = quoted(text) + " is not a length that " + prefix.to_string() + " has inside";
        return false;
      }
    }
    return true;
  }

  PrefixList& list_of(const ListLine& parts) {
    const auto [found, added] =
        numbers_.try_emplace({parts.family, std::string(parts.name)}, lists_.size());
    if (added) lists_.push_back({.name = std::string(parts.name)});
    return lists_[found->second];
  }

  // Of two with one number the later replaces the earlier, as on routers.
  void add_all() {
    ListParts parts(content_);
    bool in_order = true;
    for (auto& list : lists_) {
      auto& entries = list.entries;
      in_order = in_order && std::ranges::is_sorted(entries, {}, &Entry::sequence);
      std::ranges::stable_sort(entries, {}, &Entry::sequence);
      parts.enter(list.name);
      for (size_t i = 0; i < entries.size(); i++) {
        if (i + 1 < entries.size() && entries[i + 1].sequence == entries[i].sequence) {
          content_.remark(file_, entries[i].line,
                          "line " + std::to_string(entries[i + 1].line) +
                              " has this sequence number too, and replaces this line");
          continue;
        }
        content_.add(entries[i].prefix, entries[i].line,
                     content_.notes.number_of({.word = list.name, .excluded = entries[i].denied}));
      }
    }
    parts.finish(Overlap::kFirst, file_);
    if (in_order || content_.overlap == Overlap::kAll) return;
    content_.v4 = resolved(content_.v4, content_.notes, Overlap::kFirst, file_);
    content_.v6 = resolved(content_.v6, content_.notes, Overlap::kFirst, file_);
    content_.overlap = Overlap::kAll;
  }

  const std::string& file_;
  ListContent& content_;
  std::vector<PrefixList> lists_;
  std::map<std::pair<Family, std::string>, size_t> numbers_;
};

class PrefixListFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "prefix-list"; }
  std::string_view title() const noexcept override {
    return "ip prefix-list and ipv6 prefix-list of Cisco and FRR";
  }

  Fit fit(std::string_view text) const override {
    Fit fit;
    for (ListLines lines(text, Comments::kNone); lines.next();) {
      if (says_nothing(lines.text())) continue;
      fit.lines++;
      if (parse(lines.text())) fit.read++;
    }
    return fit;
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    Reader(source.file, content).run(text);
    return content;
  }
};

}  // namespace

const ListFormat& prefix_list_format() {
  static const PrefixListFormat format;
  return format;
}

}  // namespace postern
