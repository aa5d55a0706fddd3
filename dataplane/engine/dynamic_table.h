// SPDX-License-Identifier: BSD-3-Clause
//
// DynamicTable: the one writer of the table in dataplane/core/dynamic.h, over memory that the
// engine gives it (plain, hugepage, or a mapped BPF map). Also keeps what readers do not need: the
// text of each entry's reason. One thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/core/dynamic.h"
#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern {

struct DynamicEntry {
  Prefix prefix;  // a length of PS_DYNAMIC_KINDS
  Action action = Action::DROP;
  std::string reason;
  uint64_t expires_ns = 0;  // CLOCK_MONOTONIC
  // By a program, which replaces and removes nothing that somebody decided: that is for who calls
  // add() and remove() to see to. Outlives the writer.
  bool learned = false;
};

// CLOCK_MONOTONIC in nanoseconds: the clock of every expires_ns and now_ns.
uint64_t monotonic_ns() noexcept;

class DynamicTable {
 public:
  static constexpr size_t kMaxReasonBytes = 256;
  // The reason of an entry whose text died with the process that wrote it.
  static constexpr std::string_view kAdopted = "kept from before a restart";

  static constexpr size_t kSlotsPerEntry = 4;  // see buckets_for()

  // memory: 1 + 2^n buckets, owned by the caller, outliving this. Entries already in it (an engine
  // taken over from a dead process) are kept when it is_table(), else it is emptied; one that was
  // torn by the writer's death is dropped. Throws std::invalid_argument for another size, and
  // std::system_error when there is no randomness for the seed.
  // copy: of the header's gate, kept where readers find it sooner; null for none.
  explicit DynamicTable(std::span<ps_dynamic_bucket> memory, ps_dynamic_gate* copy = nullptr);
  DynamicTable(const DynamicTable&) = delete;  // one writer
  DynamicTable& operator=(const DynamicTable&) = delete;

  // Whether a table of this layout is there, with or without a writer.
  static bool is_table(std::span<const ps_dynamic_bucket> memory) noexcept;

  // How many buckets, with the header, `entries` want. Buckets fill unevenly: where a table has a
  // slot for each entry, one in eight loses its place to another before the table is full. With
  // four slots for each it is one in some thousands.
  static size_t buckets_for(size_t entries) noexcept;

  // The kind for a prefix; nullopt when entries cannot have that length.
  static std::optional<ps_dynamic_kind> kind_of(const Prefix& prefix) noexcept;

  // Adds, or replaces the entry of the same prefix; when it returns, every reader sees it. A full
  // bucket gives up the entry that expires first. Throws std::invalid_argument for a length that
  // entries cannot have, a reason too long, or an expiry that is not after now.
  void add(const DynamicEntry& entry, uint64_t now_ns);
  // Adds what is in force in a table of another size (is_table()) whose writer is dead, until the
  // same times. Where a bucket has no room for all, those stay that expire last.
  void copy_from(std::span<const ps_dynamic_bucket> former, uint64_t now_ns);
  bool remove(const Prefix& prefix);  // false: there was none
  // Forgets entries whose time has passed, those first that expired first, and `most` at a time: a
  // microsecond each. Call every second. As with remove(), the gate of a kind closes with its last
  // entry.
  void sweep(uint64_t now_ns, size_t most = SIZE_MAX);

  // The entry of that very prefix, if it is still in force.
  std::optional<DynamicEntry> find(const Prefix& prefix, uint64_t now_ns) const;
  // The first one that is still in force behind `after`, in the order of prefixes; null: of all.
  std::optional<DynamicEntry> next(const std::optional<Prefix>& after, uint64_t now_ns) const;
  // Those still in force that cover the address, the longest first: one of each length at most.
  std::vector<DynamicEntry> covering(const IpAddress& address, uint64_t now_ns) const;
  // With those whose time has passed since the last sweep().
  size_t size() const noexcept { return details_.size(); }
  // What the memory was sized for; more fit as long as their buckets have room.
  size_t capacity() const noexcept {
    return (memory_.size() - 1) * PS_DYNAMIC_WAYS / kSlotsPerEntry;
  }
  uint64_t evicted() const noexcept { return evicted_; }
  // Entries of a dead process that could not be kept: torn, damaged, or without room here.
  size_t lost() const noexcept { return lost_; }

 private:
  struct Detail {
    ps_dynamic_entry* slot;
    Action action;
    std::string reason;
    uint64_t expires_ns;
    bool learned;
  };
  using Details = std::map<Prefix, Detail>;

  ps_dynamic_header& header() noexcept;
  void set_kinds(uint32_t kinds) noexcept;
  void set_refuses() noexcept;
  std::span<ps_dynamic_entry, PS_DYNAMIC_WAYS> bucket_of(const Prefix& prefix,
                                                         ps_dynamic_kind kind) noexcept;
  bool adopt();
  void start_empty();
  static DynamicEntry entry_of(const Details::value_type& item);
  void note(const Prefix& prefix, Detail detail, ps_dynamic_kind kind);
  void forget(Details::iterator detail);

  std::span<ps_dynamic_bucket> memory_;
  ps_dynamic_gate* copy_;
  Details details_;
  std::set<std::pair<uint64_t, Prefix>> by_expiry_;
  std::array<size_t, PS_DYNAMIC_KIND_COUNT> of_kind_{};
  size_t refusing_ = 0;  // entries whose action is REFUSE
  uint64_t evicted_ = 0;
  size_t lost_ = 0;
};

}  // namespace postern
