// SPDX-License-Identifier: BSD-3-Clause
//
// Snapshot: an immutable compiled policy, mapped from its file. Opening one verifies magic,
// version, sizes, every index and the checksum, so that what exists is sound: look-ups need no
// checks and cannot fail. Safe to share between threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rules/abi/lookup.h"
#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"
#include "rules/lists/list_format.h"
#include "rules/policy/policy.h"

namespace postern {

using ClassId = uint32_t;  // 0: in no list

struct ListFacts {
  std::string name, file, format, category, contact;
  int64_t modified_at = 0;            // of the file that was read, Unix seconds
  std::optional<int64_t> expires_at;  // Unix seconds
  uint64_t entries = 0;               // addresses and domains
  bool expired = false;  // was too old when compiled: its entries are known, but count for nothing
  bool kept_previous = false;  // its file was refused when compiled: the last good one
};

// One line of one list that an address is in.
struct Provenance {
  size_t list;  // index into Snapshot::lists(); protects are not lists
  uint32_t line;
  AddressRange range;
};

struct Explanation {
  ClassId address_class = 0;
  std::vector<Provenance> entries;
  bool is_protected = false;
  uint32_t protect_line = 0;
  struct PerService {
    std::string service;
    ps_verdict verdict;
    std::string rule_text;  // empty: no rule decided
    uint32_t rule_line = 0;
  };
  std::vector<PerService> services;  // those that `to` reaches, or all of them
};

class Sections;  // rules/snapshot/sections_view.h

class Snapshot {
 public:
  // Throws BadInput naming the file and what is wrong with it; std::system_error if unreadable.
  static std::shared_ptr<const Snapshot> open(const std::string& path);
  static std::shared_ptr<const Snapshot> from_bytes(std::vector<std::byte> bytes,
                                                    const std::string& name);
  virtual ~Snapshot();
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;

  uint64_t generation() const noexcept { return header().generation; }
  int64_t created() const noexcept { return static_cast<int64_t>(header().created); }
  const std::string& name() const noexcept { return name_; }
  const ps_snapshot_header& header() const noexcept;
  // What engines load: a whole number of chunks.
  std::span<const std::byte> image_bytes() const noexcept;
  ps_image image() const noexcept;

  ClassId class_of(const IpAddress& source) const noexcept;
  ps_verdict verdict(uint32_t policy, ClassId address_class) const noexcept;
  std::optional<ps_service> service_of(const IpAddress& destination, uint16_t port) const noexcept;

  const std::vector<ListFacts>& lists() const noexcept { return lists_; }
  // Indices into lists(); empty for class 0. Does not say whether the class is protected.
  std::vector<size_t> lists_of(ClassId address_class) const;
  bool is_protected(ClassId address_class) const;
  // The policy as it was compiled.
  const Policy& policy() const noexcept { return policy_; }
  // The entries of one list, in file order of addresses. For max-change and for keeping the last
  // good one.
  std::vector<Provenance> entries_of(size_t list) const;
  // The domains of a list of format domains, lower case, sorted; none where the list has expired.
  const std::vector<std::string>& domains_of(size_t list) const;
  // The same with their lines, expired or not.
  std::vector<DomainEntry> domain_entries_of(size_t list) const;

  Explanation explain(const IpAddress& source, const std::optional<IpAddress>& to) const;

 protected:
  Snapshot();
  // Verifies all of it and takes the facts out. bytes: 64-byte aligned; they stay as long as this.
  void adopt(std::span<const std::byte> bytes, const std::string& name);

 private:
  Explanation::PerService explain_service(size_t service, ClassId address_class) const;

  std::span<const std::byte> bytes_;
  std::string name_;
  std::unique_ptr<const Sections> sections_;
  std::vector<ListFacts> lists_;
  std::vector<std::vector<std::string>> domains_;
  Policy policy_;
};

}  // namespace postern
