// SPDX-License-Identifier: BSD-3-Clause
//
// Snapshot: an immutable compiled policy, mapped from its file. Opening one verifies magic,
// version, sizes, every index and the checksum, so that what exists is sound: look-ups need no
// checks and cannot fail. Opened in outline, to ask about a few addresses, it is verified where it
// is read. Safe to share between threads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
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
#include "rules/snapshot/aligned_bytes.h"
#include "rules/snapshot/sublist.h"
#include "rules/snapshot/verify.h"

namespace postern {

using ClassId = uint32_t;  // 0: in no list

struct ListFacts {
  std::string name, file, format, category, contact;
  int weight = kDefaultWeight;
  int64_t modified_at = 0;            // of the file that was read, Unix seconds
  int64_t changed_at = 0;             // of the file that first had this content, Unix seconds
  std::optional<int64_t> expires_at;  // Unix seconds
  uint64_t content_hash = 0;          // XXH3-64 of the file
  uint64_t reading_hash = 0;          // of what else decided what it was read as
  uint64_t entries = 0;               // addresses and domains
  uint64_t domains = 0;               // of these; not known where verified only in outline
  uint64_t skipped = 0;               // bad lines
  bool expired = false;  // was too old when compiled: its entries are known, but count for nothing
  bool kept_previous = false;  // its file was refused when compiled: the last good one
};

// One line of one list that an address is in.
struct Provenance {
  size_t list;  // index into Snapshot::lists(); protects are not lists
  uint32_t line;
  AddressRange range;
  EntryNote note = {};  // what the line says beyond the range
  std::optional<uint32_t> sublist =
      {};  // index into Snapshot::sublists(); unset: excluded or ignored
};

struct Explanation {
  ClassId address_class = 0;
  std::vector<Provenance> entries;
  bool is_protected = false;
  std::optional<PolicyPlace> protect_place = {};  // of the prefix, list or category
  struct PerService {
    size_t number = 0;  // index into Policy::services
    std::string service;
    ps_verdict verdict;
    const ConnectionRule* rule = nullptr;           // in Snapshot::policy(); none decided
    const ConnectionRule* observed_rule = nullptr;  // would have decided, but is only observed
  };
  std::vector<PerService> services;  // those that `to` reaches, or all of them
};

class Sections;    // rules/snapshot/sections_view.h
class EntryIndex;  // rules/snapshot/entry_index.h

class Snapshot {
 public:
  // Throws BadInput naming the file and what is wrong with it; std::system_error if unreadable.
  // Verified only in outline it is good for class_of(), service_of() and explain(): the checksum is
  // not looked at, so a damaged file may answer wrongly, but stays within itself. Then no
  // domains_of(), contents() or sublist_entries().
  static std::shared_ptr<const Snapshot> open(const std::string& path,
                                              Verified verified = Verified::kWhole);
  // The first copies them.
  static std::shared_ptr<const Snapshot> from_bytes(std::span<const std::byte> bytes,
                                                    const std::string& name,
                                                    Verified verified = Verified::kWhole);
  static std::shared_ptr<const Snapshot> from_bytes(AlignedBytes bytes, const std::string& name,
                                                    Verified verified = Verified::kWhole);
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
  // All of its file.
  std::span<const std::byte> file_bytes() const noexcept { return bytes_; }

  // The explaining part as it lies in the file; for the rest of this folder.
  const Sections& sections() const noexcept { return *sections_; }

  ClassId class_of(const IpAddress& source) const noexcept;
  ps_verdict verdict(uint32_t policy, ClassId address_class) const noexcept;
  // vlan: as in struct ps_packet; 0: of a frame without tags.
  std::optional<ps_service> service_of(const IpAddress& destination, uint16_t port,
                                       uint32_t vlan = 0) const noexcept;

  const std::vector<ListFacts>& lists() const noexcept { return lists_; }
  const std::vector<SubList>& sublists() const noexcept { return sublists_; }
  // Indices into sublists(), ascending, expired ones too; empty for class 0. Does not say whether
  // the class is protected.
  std::vector<uint32_t> sublists_of(ClassId address_class) const;
  // Indices into lists(), ascending: those with a sub-list that counts at that time.
  std::vector<size_t> lists_of(ClassId address_class, int64_t now) const;
  // By a prefix, or by a list that counts at that time.
  bool is_protected(ClassId address_class, int64_t now) const;
  // What build_matrix() made the matrix of: per class its sub-lists, sublists().size() last where
  // a prefix protects it.
  std::vector<std::vector<uint32_t>> class_members() const;
  std::vector<uint32_t> members_of(ClassId address_class) const;  // of one
  // The policy as it was compiled.
  const Policy& policy() const noexcept { return policy_; }
  // The rule with that number (from 1) among those that judge the service; nullptr where there is
  // none.
  const ConnectionRule* rule_of(size_t service, uint16_t number) const noexcept;
  // The row of the matrix that the service is judged by.
  uint32_t row_of(size_t service) const noexcept;
  // How many entries of lists are in each of sublists().
  std::vector<uint64_t> sublist_entries() const;
  // What each of lists() said, entries in the order of addresses. For taking lists over that have
  // not changed, or whose new file is refused.
  std::vector<ListContent> contents() const;
  // The domains of a list of format domains, lower case, sorted; none where the list has expired.
  const std::vector<std::string>& domains_of(size_t list) const;

  // now: Unix seconds; what protects counts at that time. Throws BadInput where the snapshot is
  // damaged and was opened in outline.
  Explanation explain(const IpAddress& source, const std::optional<IpAddress>& to,
                      int64_t now) const;
  // For who explains many addresses: each in microseconds from now on, however long the lists are,
  // for one look at all entries the first time. Verified whole only.
  void index_entries() const;

 protected:
  Snapshot();
  // Verifies it and takes the facts out. bytes: 64-byte aligned; they stay as long as this.
  void adopt(std::span<const std::byte> bytes, const std::string& name, Verified verified);

 private:
  Explanation::PerService explain_service(size_t service, ClassId address_class) const;
  Provenance provenance_of(uint32_t note, uint32_t line, const AddressRange& range) const;
  EntryNote note_of(uint32_t note) const;

  std::span<const std::byte> bytes_;
  std::string name_;
  std::unique_ptr<const Sections> sections_;
  std::vector<ListFacts> lists_;
  std::vector<SubList> sublists_;
  std::vector<std::vector<std::string>> domains_;
  Policy policy_;
  mutable std::once_flag indexing_;
  mutable std::unique_ptr<const EntryIndex> index_;
  mutable std::atomic<const EntryIndex*> indexed_{nullptr};  // index_, once it is whole
};

}  // namespace postern
