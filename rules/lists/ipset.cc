// SPDX-License-Identifier: BSD-3-Clause
//
// Format ipset: what `ipset save` writes and `ipset restore` reads: `create NAME TYPE ...` and `add
// NAME ELEMENT ...` lines, and `#` comments. Sets of addresses are read (hash:ip, hash:net and
// bitmap:ip, also with `netmask`), with the set's name as the value of their entries; a remark
// names sets of other types. `timeout` counts from when the file was modified, and 0 is for ever;
// `nomatch` is an exclusion from its set only. As ipset does, bits behind a length are masked away;
// octets with a leading zero, which it reads as octal, are bad lines.

#include <unordered_map>

#include "rules/lists/duration.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/lists/list_parts.h"
#include "rules/lists/masked_range.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct Set {
  bool of_addresses = true;  // so too without a `create`, as far as its elements are
  std::optional<Family> family = {};
  int64_t timeout = 0;
  std::optional<int> netmask = {};
};

// `add NAME ELEMENT` and what follows.
struct Options {
  std::optional<int64_t> timeout = {};
  std::string comment = {};
  bool nomatch = false;
};

std::optional<int64_t> take_seconds(Cursor& cursor) {
  const auto word = take_word(cursor);
  return word.find_first_not_of("0123456789") == std::string_view::npos ? parse_duration(word)
                                                                        : std::nullopt;
}

std::optional<Options> read_options(Cursor& cursor, std::string* why) {
  Options options;
  while (!cursor.at_end()) {
    const auto word = take_word(cursor);
    if (word == "timeout") {
      options.timeout = take_seconds(cursor);
      if (!options.timeout) *why = "timeout is not followed by a number of seconds";
      if (!options.timeout) return std::nullopt;
    } else if (word == "comment") {
      if (!cursor.accept('"') || cursor.rest().find('"') == std::string_view::npos) {
        *why = "comment is not followed by a text in double quotes";
        return std::nullopt;
      }
      options.comment = cursor.take_until('"');
      cursor.take_while(is_blank);
    } else if (word == "packets" || word == "bytes" || word.starts_with("skb")) {
      take_word(cursor);
    } else if (word == "nomatch") {
      options.nomatch = true;
    } else if (word != "-exist" && word != "-!") {
      *why = quoted(word) + " is not an option of an entry";
      return std::nullopt;
    }
  }
  return options;
}

// Both ends of a range, masked to the length of the set: an address stands for its net there.
AddressRange widened(const AddressRange& range, int length) {
  const auto first = *Prefix::make(range.first(), length, Prefix::HostBits::kMask);
  const auto last = *Prefix::make(range.last(), length, Prefix::HostBits::kMask);
  return *AddressRange::make(first.first(), last.last());
}

class Reader {
 public:
  Reader(const ListSource& source, ListContent& content)
      : source_(source), content_(content), parts_(content) {}

  void run(std::string_view text) {
    for (ListLines lines(text, Comments::kHashLines); lines.next();) {
      std::string why;
      if (!read(lines.text(), lines.number(), &why))
        content_.skip(source_.file, lines.number(), why);
    }
    parts_.finish(Overlap::kAll, source_.file);
  }

 private:
  bool read(std::string_view line, uint32_t number, std::string* why) {
    Cursor cursor(line);
    const auto command = take_word(cursor);
    if (command == "create") return create(cursor, number, why);
    if (command == "add") return add(cursor, number, why);
    for (const auto empty : {"flush", "destroy", "COMMIT"})
      if (command == empty) return true;
    *why = quoted(command) + " is neither create nor add";
    return false;
  }

  bool create(Cursor& cursor, uint32_t number, std::string* why) {
    const auto name = std::string(take_word(cursor)), type = std::string(take_word(cursor));
    Set set{.of_addresses = type == "hash:ip" || type == "hash:net" || type == "bitmap:ip"};
    if (set.of_addresses) set.family = Family::kV4;
    while (!cursor.at_end()) {
      const auto word = take_word(cursor);
      if (word == "family") {
        if (take_word(cursor) == "inet6" && set.of_addresses) set.family = Family::kV6;
      } else if (word == "timeout") {
        const auto seconds = take_seconds(cursor);
        if (!seconds) *why = "timeout is not followed by a number of seconds";
        if (!seconds) return false;
        set.timeout = *seconds;
      } else if (word == "netmask") {
        const auto length = read_number(take_word(cursor));
        if (!length || *length > 128) *why = "netmask is not followed by a prefix length";
        if (!length || *length > 128) return false;
        set.netmask = static_cast<int>(*length);
      }
    }
    if (set.netmask && set.of_addresses && *set.netmask > bits_of(*set.family)) {
      *why = "netmask is not followed by a prefix length";
      return false;
    }
    if (!set.of_addresses)
      content_.remark(source_.file, number,
                      "set " + quoted(name) + " is of type " + quoted(type) +
                          ", not of addresses, so it is not read");
    sets_.insert_or_assign(name, set);
    return true;
  }

  bool add(Cursor& cursor, uint32_t number, std::string* why) {
    const auto name = std::string(take_word(cursor));
    const auto element = take_word(cursor);
    const auto found = sets_.find(name);
    static const Set unknown;
    const Set& set = found == sets_.end() ? unknown : found->second;
    if (!set.of_addresses) return true;
    auto range = read_masked_range(element, why);
    const auto options = range ? read_options(cursor, why) : std::nullopt;
    if (!options) return false;
    if (set.family && range->family() != *set.family) {
      *why = quoted(element) + " is not of the address family of its set";
      return false;
    }
    if (set.netmask) range = widened(*range, *set.netmask);
    parts_.enter(name);
    content_.add(*range, number, note_of(name, *options, set));
    return true;
  }

  uint32_t note_of(const std::string& name, const Options& options, const Set& set) {
    EntryNote note{.word = name, .text = options.comment, .excluded = options.nomatch};
    const auto timeout = options.timeout.value_or(set.timeout);
    if (timeout > 0) note.expires_at = source_.modified_at + timeout;
    return content_.notes.number_of(std::move(note));
  }

  const ListSource& source_;
  ListContent& content_;
  ListParts parts_;
  std::unordered_map<std::string, Set> sets_;
};

class IpsetFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "ipset"; }
  std::string_view title() const noexcept override {
    return "ipset save: create and add lines, with timeout, comment and nomatch";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHashLines, [](std::string_view line) {
      Cursor cursor(line);
      const auto command = take_word(cursor);
      take_word(cursor);
      const auto third = take_word(cursor);
      if (command == "create") return third.find(':') != std::string_view::npos;
      return command == "add" &&
             looks_like_range(third.substr(0, third.find(',')));  // of other types of set, too
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size() / 2);
    Reader(source, content).run(text);
    return content;
  }
};

}  // namespace

const ListFormat& ipset_format() {
  static const IpsetFormat format;
  return format;
}

}  // namespace postern
