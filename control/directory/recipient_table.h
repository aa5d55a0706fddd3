// SPDX-License-Identifier: BSD-3-Clause
//
// RecipientTable: all recipients of a site in memory, immutable once built: some thirty bytes for
// an address. An entry is an address or a whole @domain, and either may be an alias:
//
//   user@example.org                          receives mail
//   @example.net                              so does every address of that domain
//   postmaster@example.org user@example.org   is user@example.org
//   @example.com user@example.org             so is every address there that no other line has
//   @old.example @example.org                 x@old.example is x@example.org
//
// The most particular entry counts: the address, then the address without its extension, then its
// domain. Subdomains are domains of their own. An alias of an address is known wherever it leads;
// one that no other entry has is the primary address as it stands. `#` at the start of a word
// begins a comment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/directory/mail_address.h"

namespace postern::directory {

class RecipientTable {
 public:
  static constexpr size_t kMaxBytes = size_t{1} << 29;  // of a file; what is larger is refused
  static constexpr size_t kMaxSteps = 16;               // from alias to alias

  // Throws BadInput with the first thing that is wrong, at its place: what is no address, a third
  // word, an entry that stands twice with different targets, aliases that go in a circle or through
  // more than kMaxSteps.
  static std::shared_ptr<const RecipientTable> parse(std::string_view text, const std::string& file,
                                                     const AddressRules& rules);

  struct Found {
    std::string primary;
    uint32_t line;  // of the first entry that matched
  };
  std::optional<Found> find(const MailAddress& address) const;

  const AddressRules& rules() const noexcept { return rules_; }
  size_t size() const noexcept { return size_; }  // entries
  size_t memory() const noexcept;                 // bytes, about

 private:
  class Reader;
  struct Entry {
    uint32_t domain;         // index into domains_
    std::string_view local;  // empty: the whole domain
    uint32_t line;
    std::string_view target;  // empty: no alias
  };
  struct Step;

  explicit RecipientTable(AddressRules rules) : rules_(std::move(rules)) {}
  // False when it is there already, with whatever target.
  bool add(std::string_view local, std::string_view domain, uint32_t line, std::string_view target);
  Entry entry_at(uint32_t offset) const;
  std::optional<uint32_t> domain_id(std::string_view domain) const;
  std::optional<Entry> find_exact(std::string_view local, uint32_t domain) const;
  std::optional<Entry> match(const MailAddress& address) const;
  // What the target of an entry makes of the address; nullopt where the entry is no alias.
  std::optional<MailAddress> led_to(const Entry& entry, const MailAddress& address) const;
  size_t slot_of(std::string_view local, uint32_t domain) const noexcept;
  void grow();

  AddressRules rules_;
  std::map<std::string, uint32_t, std::less<>> domains_;
  // One after another: domain, line, lengths of local part and target as variable-length numbers,
  // then the two texts.
  std::string entries_;
  std::vector<uint32_t> slots_;  // open addressing: offset into entries_ + 1, or 0
  size_t size_ = 0;
};

}  // namespace postern::directory
