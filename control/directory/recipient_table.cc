// SPDX-License-Identifier: BSD-3-Clause
//
// Entries in one string, and a hash table of offsets into it, at most two thirds full. That aliases
// end is proven when the table is built, for every one that there is; a look-up need not ask.
#include "control/directory/recipient_table.h"

#include <functional>
#include <utility>

#include "rules/text/cursor.h"
#include "rules/text/diagnostic.h"

namespace postern::directory {
namespace {

constexpr size_t kFirstSlots = 64;

void put_number(std::string& into, uint32_t number) {
  for (; number >= 0x80; number >>= 7) into += static_cast<char>(0x80 | (number & 0x7f));
  into += static_cast<char>(number);
}

uint32_t take_number(Cursor& cursor) {
  uint32_t number = 0;
  for (int shift = 0; shift < 35; shift += 7) {
    const auto byte = static_cast<uint8_t>(cursor.take());
    number |= static_cast<uint32_t>(byte & 0x7f) << shift;
    if (byte < 0x80) break;
  }
  return number;
}

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

}  // namespace

size_t RecipientTable::memory() const noexcept {
  constexpr size_t kNode = 96;  // of the map, with a short name
  return entries_.capacity() + slots_.capacity() * sizeof(uint32_t) + domains_.size() * kNode;
}

size_t RecipientTable::slot_of(std::string_view local, uint32_t domain) const noexcept {
  const uint64_t hash = std::hash<std::string_view>{}(local) + domain * 0x9e3779b97f4a7c15u;
  return static_cast<size_t>((hash ^ hash >> 29) & (slots_.size() - 1));
}

RecipientTable::Entry RecipientTable::entry_at(uint32_t offset) const {
  Cursor cursor(std::string_view(entries_).substr(offset));
  Entry entry{};
  entry.domain = take_number(cursor);
  entry.line = take_number(cursor);
  const uint32_t local = take_number(cursor);
  const uint32_t target = take_number(cursor);
  entry.local = cursor.take(local);
  entry.target = cursor.take(target);
  return entry;
}

std::optional<uint32_t> RecipientTable::domain_id(std::string_view domain) const {
  const auto found = domains_.find(domain);
  if (found == domains_.end()) return std::nullopt;
  return found->second;
}

std::optional<RecipientTable::Entry> RecipientTable::find_exact(std::string_view local,
                                                                uint32_t domain) const {
  if (slots_.empty()) return std::nullopt;
  for (size_t slot = slot_of(local, domain); slots_[slot] != 0;
       slot = (slot + 1) & (slots_.size() - 1)) {
    const Entry entry = entry_at(slots_[slot] - 1);
    if (entry.domain == domain && entry.local == local) return entry;
  }
  return std::nullopt;
}

void RecipientTable::grow() {
  const auto old = std::exchange(
      slots_, std::vector<uint32_t>(slots_.empty() ? kFirstSlots : 2 * slots_.size()));
  for (const uint32_t offset : old) {
    if (offset == 0) continue;
    const Entry entry = entry_at(offset - 1);
    size_t slot = slot_of(entry.local, entry.domain);
    while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
    slots_[slot] = offset;
  }
}

bool RecipientTable::add(std::string_view local, std::string_view domain, uint32_t line,
                         std::string_view target) {
  const auto id = domains_.emplace(domain, static_cast<uint32_t>(domains_.size())).first->second;
  if (find_exact(local, id)) return false;
  if (3 * (size_ + 1) > 2 * slots_.size()) grow();
  size_t slot = slot_of(local, id);
  while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
  slots_[slot] = static_cast<uint32_t>(entries_.size() + 1);
  put_number(entries_, id);
  put_number(entries_, line);
  put_number(entries_, static_cast<uint32_t>(local.size()));
  put_number(entries_, static_cast<uint32_t>(target.size()));
  entries_.append(local).append(target);
  size_++;
  return true;
}

std::optional<RecipientTable::Entry> RecipientTable::match(const MailAddress& address) const {
  const auto domain = domain_id(address.domain);
  if (!domain) return std::nullopt;
  auto entry = find_exact(address.local, *domain);
  const auto base = address.base(rules_);
  if (!entry && base.size() < address.local.size()) entry = find_exact(base, *domain);
  if (!entry) entry = find_exact({}, *domain);
  return entry;
}

std::optional<MailAddress> RecipientTable::led_to(const Entry& entry,
                                                  const MailAddress& address) const {
  if (entry.target.empty()) return std::nullopt;
  if (entry.target.starts_with('@'))
    return MailAddress{address.local, std::string(entry.target.substr(1))};
  return MailAddress::parse(entry.target, rules_);
}

std::optional<RecipientTable::Found> RecipientTable::find(const MailAddress& asked) const {
  auto entry = match(asked);
  if (!entry) return std::nullopt;
  Found found{{}, entry->line};
  MailAddress address = asked;
  // Who stands as an alias is known, wherever that leads; what an alias of a whole domain leads to
  // has to be known there.
  std::optional<MailAddress> certain;
  // Through aliases of whole domains to one of an address, and on from there.
  for (size_t step = 0; step < 2 * (kMaxSteps + 1); step++) {
    auto next = led_to(*entry, address);
    if (!next) {
      if (!entry->local.empty()) address.local = entry->local;  // without its extension
      break;
    }
    address = std::move(*next);
    if (!entry->target.starts_with('@')) certain = address;
    entry = match(address);
    if (entry) continue;
    // Of a domain that is none of ours nobody here can say who is known there.
    if (!domain_id(address.domain)) break;
    if (!certain) return std::nullopt;
    address = std::move(*certain);
    break;
  }
  found.primary = address.text();
  return found;
}

// The lines of a file, one after another, into a table.
class RecipientTable::Reader {
 public:
  Reader(std::string_view text, const std::string& file, RecipientTable& table)
      : text_(text), file_(file), table_(table) {}

  void run() {
    while (!text_.empty()) {
      number_++;
      const size_t end = text_.find('\n');
      line_ = text_.substr(0, end);
      text_.remove_prefix(end == std::string_view::npos ? text_.size() : end + 1);
      if (line_.ends_with('\r')) line_.remove_suffix(1);
      read_line();
    }
    for (const auto& alias : aliases_) follow(alias);
  }

 private:
  struct Word {
    std::string_view text;
    size_t column;
  };
  struct Name {
    std::string local, domain;
  };
  struct Alias {
    std::string_view line;
    uint32_t number;
    uint32_t column;
    uint32_t entry;  // offset
  };

  [[noreturn]] void refuse(size_t column, std::string message) const {
    throw BadInput(Diagnostic{.file = file_,
                              .line = number_,
                              .column = static_cast<uint32_t>(column),
                              .message = std::move(message),
                              .source = std::string(line_.substr(0, 200))});
  }

  // Blanks within quotes belong to the word. Empty at the end of the line and of what counts of it.
  static Word next_word(Cursor& cursor) {
    cursor.take_while(is_blank);
    const size_t begin = cursor.position();
    const auto rest = cursor.rest();
    if (rest.empty() || rest.starts_with('#')) return {{}, begin + 1};
    bool quoted = false;
    size_t length = 0;
    for (; length < rest.size() && (quoted || !is_blank(rest[length])); length++) {
      if (rest[length] == '"') quoted = !quoted;
      if (quoted && rest[length] == '\\' && length + 1 < rest.size()) length++;
    }
    return {cursor.take(length), begin + 1};
  }

  Name read_name(const Word& word, const char* what) const {
    Name name;
    if (word.text.starts_with('@')) {
      auto domain = parse_mail_domain(word.text.substr(1));
      if (!domain) refuse(word.column, std::string(what) + " is no domain name behind its @");
      name.domain = std::move(*domain);
      return name;
    }
    auto address = MailAddress::parse(word.text, table_.rules_);
    if (!address)
      refuse(word.column, std::string(what) + " is to be an address, user@domain, or @domain");
    name.local = std::move(address->local);
    name.domain = std::move(address->domain);
    return name;
  }

  static std::string target_text(const Name& name) {
    if (name.local.empty()) return '@' + name.domain;
    return MailAddress{name.local, name.domain}.text();
  }

  void read_line() {
    Cursor cursor(line_);
    const Word first = next_word(cursor);
    if (first.text.empty()) return;
    const Name name = read_name(first, "the recipient");
    const Word second = next_word(cursor);
    std::string target;
    if (!second.text.empty()) {
      const Name to = read_name(second, "the target");
      if (to.local.empty() && !name.local.empty())
        refuse(second.column, "an address cannot be an alias of a whole domain");
      target = target_text(to);
      const Word third = next_word(cursor);
      if (!third.text.empty()) refuse(third.column, "a recipient and its target, and nothing else");
    }
    const auto offset = static_cast<uint32_t>(table_.entries_.size());
    if (!table_.add(name.local, name.domain, number_, target)) {
      const auto there = table_.find_exact(name.local, *table_.domain_id(name.domain));
      if (there->target != target)
        refuse(first.column, "stands on line " + std::to_string(there->line) +
                                 " already, with another target or none");
      return;
    }
    if (!target.empty())
      aliases_.push_back({line_, number_, static_cast<uint32_t>(second.column), offset});
  }

  // From the alias on, as a look-up would.
  void follow(const Alias& alias) {
    auto entry = std::optional(table_.entry_at(alias.entry));
    // Where a whole domain leads elsewhere, any local part shows it that no line has.
    MailAddress address{entry->local.empty() ? std::string(1, '\0') : std::string(entry->local),
                        {}};
    for (size_t step = 0; entry; step++) {
      if (step > kMaxSteps) {
        number_ = alias.number;
        line_ = alias.line;
        refuse(alias.column, "this alias leads in a circle, or through more than " +
                                 std::to_string(kMaxSteps) + " others");
      }
      const auto next = table_.led_to(*entry, address);
      if (!next) return;
      address = *next;
      entry = table_.match(address);
    }
  }

  std::string_view text_;
  const std::string& file_;
  RecipientTable& table_;
  std::string_view line_;
  uint32_t number_ = 0;
  std::vector<Alias> aliases_;
};

std::shared_ptr<const RecipientTable> RecipientTable::parse(std::string_view text,
                                                            const std::string& file,
                                                            const AddressRules& rules) {
  std::shared_ptr<RecipientTable> table(new RecipientTable(rules));
  Reader(text, file, *table).run();
  table->entries_.shrink_to_fit();
  return table;
}

}  // namespace postern::directory
