// SPDX-License-Identifier: BSD-3-Clause
//
// Reading a dataset of rbldnsd (rules/lists/rbldnsd_dataset.h).
#include "rules/lists/rbldnsd_dataset.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "rules/address/octets_text.h"
#include "rules/address/prefix_text.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr bool is_comment_mark(char c) noexcept {
  return c == '#' || c == ';';
}

constexpr bool is_v4(RbldnsdType type) noexcept {
  return type != RbldnsdType::kIp6tset && type != RbldnsdType::kIp6trie;
}

// Where the first default value is that of all entries, also of those before it.
constexpr bool one_for_all(RbldnsdType type) noexcept {
  return type == RbldnsdType::kIp4tset || type == RbldnsdType::kIp6tset;
}

// "10.1/16", "10.1", but not "10", in which rbldnsd sees no prefix either.
std::optional<AddressRange> read_v4_prefix(std::string_view text, std::string* why) {
  const auto slash = text.find('/');
  const auto octets = read_octets(text.substr(0, slash), why);
  if (!octets) return std::nullopt;
  if (slash != std::string_view::npos) {
    const auto prefix =
        read_prefix(octets->first().to_string() + std::string(text.substr(slash)), why);
    return prefix ? std::optional<AddressRange>(*prefix) : std::nullopt;
  }
  if (octets->length() > 8) return *octets;
  *why = quoted(text) + " is a single octet; did you mean " + octets->to_string() + '?';
  return std::nullopt;
}

// "10.1-10.3", "10.1-3": the end is filled up with 255, and one octet stands for the last.
std::optional<AddressRange> read_v4_range(std::string_view text, std::string* why) {
  const auto hyphen = text.find('-');
  const auto first = read_octets(text.substr(0, hyphen), why);
  const auto last = first ? read_octets(text.substr(hyphen + 1), why) : std::nullopt;
  if (!last) return std::nullopt;
  uint32_t end = last->first().v4_host_order();
  if (last->length() == 8) {
    const auto octet = static_cast<uint32_t>(uint64_t{end} >> (first->length() - 8));
    const auto above = ~static_cast<uint32_t>(uint64_t{0xffffffff} >> (first->length() - 8));
    end = octet | (first->first().v4_host_order() & above);
  } else if (last->length() != first->length()) {
    *why = quoted(text) + " has ends of different numbers of octets";
    return std::nullopt;
  }
  end |= static_cast<uint32_t>(uint64_t{0xffffffff} >> first->length());
  const auto range = AddressRange::make(first->first(), IpAddress::v4(end));
  if (!range) *why = quoted(text) + " ends before it begins";
  return range;
}

// "2001:db8/32", "2001:db8" (groups that are missing at the end are zero), "2001:db8::1".
std::optional<AddressRange> read_v6_prefix(std::string_view text, std::string* why) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  const auto groups = static_cast<size_t>(std::ranges::count(address, ':')) + 1;
  std::string whole(text);
  if (groups < 8 && address.find("::") == std::string_view::npos && !address.ends_with(':') &&
      !address.empty()) {
    const auto length = slash != std::string_view::npos ? std::string(text.substr(slash))
                                                        : '/' + std::to_string(groups * 16);
    whole = std::string(address) + "::" + length;
  }
  const auto prefix = read_prefix(whole, why);
  if (!prefix) return std::nullopt;
  if (prefix->family() == Family::kV6 && (groups > 1 || slash != std::string_view::npos))
    return *prefix;
  *why = quoted(text) + " is not an IPv6 prefix";
  return std::nullopt;
}

// "a:b" may be anything.
bool looks_like_ipv6(std::string_view line) {
  const auto address = line.substr(0, line.find_first_of(" \t#;"));
  return address.find('/') != std::string_view::npos ||
         address.find("::") != std::string_view::npos || std::ranges::count(address, ':') >= 3;
}

std::optional<AddressRange> read_address(RbldnsdType type, std::string_view text, bool excluded,
                                         std::string* why) {
  if (type == RbldnsdType::kIp4set && text.find('-') != std::string_view::npos)
    return read_v4_range(text, why);
  const auto range = is_v4(type) ? read_v4_prefix(text, why) : read_v6_prefix(text, why);
  if (!range) return std::nullopt;
  const bool single = range->first() == range->last();
  if (type == RbldnsdType::kIp4tset && !single) {
    *why = quoted(text) + " is not a single address, as all of an ip4tset";
    return std::nullopt;
  }
  if (type == RbldnsdType::kIp6tset) {
    const auto net = Prefix::make(range->first(), 64, Prefix::HostBits::kMask);
    if (excluded ? !single : *range != AddressRange(*net)) {
      *why = quoted(text) + (excluded ? " is not a single address, as all exclusions of an ip6tset"
                                      : " is not a /64, as all of an ip6tset");
      return std::nullopt;
    }
  }
  return range;
}

}  // namespace

std::optional<std::string_view> rbldnsd_special(std::string_view line) {
  if (line.starts_with('$')) return line.substr(1);
  if (line.size() > 1 && line[1] == '$' && (is_comment_mark(line[0]) || line[0] == ':'))
    return line.substr(2);
  return std::nullopt;
}

bool is_rbldnsd_comment(std::string_view line) {
  return !line.empty() && is_comment_mark(line[0]) && !rbldnsd_special(line);
}

void RbldnsdFile::read_special(std::string_view special, std::string_view line, uint32_t number) {
  Cursor cursor(special);
  const auto word = take_word(cursor);
  for (const auto known : {"soa", "ns", "nameserver", "ttl"})
    if (same_word(word, known)) return;
  if (same_word(word, "timestamp"))
    return content.remark(name, number,
                          "$TIMESTAMP is not looked at: its data do not expire by themselves");
  if (same_word(word, "maxrange4")) {
    const bool length = cursor.accept('/');
    const auto value = read_number(trimmed(cursor.rest()));
    if (value && *value >= 1 && (!length || *value <= 32)) {
      const auto count = static_cast<uint64_t>(*value);
      max_range = std::min(max_range, length ? uint64_t{1} << (32 - count) : count);
      return;
    }
  }
  if (line[0] == '#' || line[0] == ';') return;  // a comment that happens to have a `$`
  content.skip(name, number, quoted(line) + " is not a special entry of rbldnsd");
}

RbldnsdDataset::RbldnsdDataset(RbldnsdType type, const RbldnsdVariables& variables,
                               RbldnsdFile& file)
    : type_(type),
      variables_(variables),
      file_(file),
      v4_begin_(file.content.v4.size()),
      v6_begin_(file.content.v6.size()) {}

std::optional<RbldnsdDataset::Entry> RbldnsdDataset::read_entry(RbldnsdType type,
                                                                std::string_view line,
                                                                std::string* why) {
  Cursor cursor(line);
  const bool excluded = type != RbldnsdType::kIp4tset && cursor.accept('!');
  cursor.take_while(is_blank);
  const auto address = cursor.take_while(
      [&](char c) { return !is_blank(c) && !is_comment_mark(c) && (c != ':' || !is_v4(type)); });
  const auto range = read_address(type, address, excluded, why);
  if (!range) return std::nullopt;
  cursor.take_while(is_blank);
  return Entry{*range, is_comment_mark(cursor.peek()) ? std::string_view() : cursor.rest(),
               excluded};
}

bool RbldnsdDataset::fits(RbldnsdType type, std::string_view line) {
  std::string why;
  if (line.starts_with(':') && (is_v4(type) || !line.starts_with("::")))
    return read_rbldnsd_value(line, {}, &why).has_value();
  if (!is_v4(type) && !looks_like_ipv6(line)) return false;
  return read_entry(type, line, &why).has_value();
}

void RbldnsdDataset::read(std::string_view line, uint32_t number) {
  std::string why;
  if (line.starts_with(':') && (is_v4(type_) || !line.starts_with("::"))) {
    auto value = read_rbldnsd_value(line, {}, &why);
    if (!value) return file_.content.skip(file_.name, number, why);
    if (one_for_all(type_) && has_default_) return;
    has_default_ = true;
    default_ = std::move(*value);
    default_notes_ = {};
    return;
  }
  const auto entry = read_entry(type_, line, &why);
  const auto value = entry ? value_of(*entry, &why) : std::nullopt;
  if (!value) return file_.content.skip(file_.name, number, why);
  if (too_large(entry->range))
    return file_.content.skip(file_.name, number,
                              entry->range.to_string() + " is larger than $MAXRANGE4 allows");
  if (type_ == RbldnsdType::kIp4set)
    add_by_level(*entry, *value, number);
  else if (one_for_all(type_))
    waiting_.push_back({*entry, number});
  else
    file_.content.add(entry->range, number, note_of(*entry, *value, 0));
}

bool RbldnsdDataset::too_large(const AddressRange& range) const {
  return range.family() == Family::kV4 &&
         uint64_t{range.last().v4_host_order()} - range.first().v4_host_order() >= file_.max_range;
}

// An exclusion answers with nothing.
std::optional<RbldnsdValue> RbldnsdDataset::value_of(const Entry& entry, std::string* why) const {
  if (entry.excluded) return RbldnsdValue{"", ""};
  if (entry.value.empty() || one_for_all(type_)) return default_;
  return read_rbldnsd_value(entry.value, default_, why);
}

// level: 0 where the prefix length decides, as it does of itself.
uint32_t RbldnsdDataset::note_of(const Entry& entry, const RbldnsdValue& value, uint8_t level) {
  const auto make = [&] {
    EntryNote note{.word = value.a, .excluded = entry.excluded};
    if (!entry.excluded) note.text = variables_.expanded(value.text);
    if (level > 0) note.specificity = level;
    return file_.content.notes.number_of(std::move(note));
  };
  if (!entry.excluded && !entry.value.empty()) return make();
  auto& known = (entry.excluded ? excluded_notes_ : default_notes_)[level / 8];
  if (known == 0) known = make();
  return known;
}

// From the finest level up: what does not fill blocks of the next level stays at this one, at
// either end. At most seven pieces.
void RbldnsdDataset::add_by_level(const Entry& entry, const RbldnsdValue& value, uint32_t number) {
  uint64_t begin = entry.range.first().v4_host_order();
  uint64_t end = uint64_t{entry.range.last().v4_host_order()} + 1;
  const auto piece = [&](uint64_t from, uint64_t to, uint8_t level) {
    if (from < to)
      file_.content.v4.push_back({static_cast<KeyV4>(from), static_cast<KeyV4>(to - 1), number,
                                  note_of(entry, value, level)});
  };
  for (uint8_t level = 32; level > 8; level = static_cast<uint8_t>(level - 8)) {
    const uint64_t block = uint64_t{1} << (40 - level);
    const auto head = std::min(end, (begin + block - 1) / block * block);
    piece(begin, head, level);
    const auto tail = std::max(head, end / block * block);
    piece(tail, end, level);
    begin = head;
    end = tail;
  }
  piece(begin, end, 8);
}

void RbldnsdDataset::finish() {
  for (auto& [entry, number] : waiting_) {
    entry.value = {};
    file_.content.add(entry.range, number, note_of(entry, default_, 0));
  }
  if (type_ != RbldnsdType::kIp4trie && type_ != RbldnsdType::kIp6trie) return;
  drop_repeated(file_.content.v4, v4_begin_);
  drop_repeated(file_.content.v6, v6_begin_);
}

template <typename Key>
void RbldnsdDataset::drop_repeated(std::vector<ListEntry<Key>>& entries, size_t begin) {
  std::vector<size_t> order(entries.size() - begin);
  std::iota(order.begin(), order.end(), begin);
  std::ranges::sort(order, {},
                    [&](size_t i) { return std::tuple(entries[i].first, entries[i].last, i); });
  std::vector<size_t> repeated;
  for (size_t i = 1; i < order.size(); i++)
    if (entries[order[i]].first == entries[order[i - 1]].first &&
        entries[order[i]].last == entries[order[i - 1]].last)
      repeated.push_back(order[i]);
  std::ranges::sort(repeated);
  for (const auto i : repeated)
    file_.content.remark(file_.name, entries[i].line,
                         "this prefix was there before, and the first entry of one counts");
  size_t next = 0, kept = begin;
  for (size_t i = begin; i < entries.size(); i++)
    if (next < repeated.size() && repeated[next] == i)
      next++;
    else
      entries[kept++] = entries[i];
  entries.resize(kept);
}

ListContent read_rbldnsd(std::string_view text, RbldnsdType type, const ListSource& source) {
  ListContent content;
  content.overlap = Overlap::kMostSpecific;
  content.expect(is_v4(type) ? text.size() : 0);
  RbldnsdVariables variables;
  for (ListLines lines(text, Comments::kNone); lines.next();)
    if (const auto special = rbldnsd_special(lines.text())) variables.set(*special);
  RbldnsdFile file{source.file, content};
  RbldnsdDataset dataset(type, variables, file);
  for (ListLines lines(text, Comments::kNone); lines.next();) {
    if (const auto special = rbldnsd_special(lines.text())) {
      if (!variables.set(*special)) file.read_special(*special, lines.text(), lines.number());
    } else if (!is_rbldnsd_comment(lines.text())) {
      dataset.read(lines.text(), lines.number());
    }
  }
  dataset.finish();
  return content;
}

Fit fit_of_rbldnsd(std::string_view text, RbldnsdType type) {
  Fit fit;
  for (ListLines lines(text, Comments::kNone); lines.next();) {
    if (is_rbldnsd_comment(lines.text())) continue;
    fit.lines++;
    if (rbldnsd_special(lines.text()) || RbldnsdDataset::fits(type, lines.text())) fit.read++;
  }
  return fit;
}

}  // namespace postern
