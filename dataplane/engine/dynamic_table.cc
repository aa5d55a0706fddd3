// SPDX-License-Identifier: BSD-3-Clause
//
// Writing dynamic entries under readers that take no lock (dataplane/engine/dynamic_table.h). Every
// store that a reader may load is atomic and a release: a reader that has loaded any new field of
// an entry, and then loads its sequence, cannot see the sequence from before the write.
#include "dataplane/engine/dynamic_table.h"

#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace postern {
namespace {

struct KindShape {
  Family family;
  int length;
};
constexpr std::array<KindShape, PS_DYNAMIC_KIND_COUNT> kKinds = {{
#define PS_X(name, family, length) {static_cast<Family>(family), length},
    PS_DYNAMIC_KINDS(PS_X)
#undef PS_X
}};

struct Words {
  uint64_t high, low;
};

Words words_of(const Prefix& prefix) noexcept {
  const auto bytes = prefix.first().abi();
  Words words;
  std::memcpy(&words.high, bytes.bytes, 8);
  std::memcpy(&words.low, bytes.bytes + 8, 8);
  return words;
}

// The prefix that an entry's words spell; nullopt when they cannot be one of its kind.
std::optional<Prefix> prefix_of(const ps_dynamic_entry& entry) noexcept {
  const auto& shape = kKinds[entry.kind];
  ps_address address;
  std::memcpy(address.bytes, &entry.high, 8);
  std::memcpy(address.bytes + 8, &entry.low, 8);
  const auto first = IpAddress::from_abi(static_cast<ps_family>(shape.family), address);
  const auto prefix = Prefix::make(first, shape.length, Prefix::HostBits::kRefuse);
  if (!prefix) return std::nullopt;
  const auto words = words_of(*prefix);  // IPv4: nothing may stand behind the four bytes
  if (words.high != entry.high || words.low != entry.low) return std::nullopt;
  return prefix;
}

// The prefix of a slot that its writer left whole; nullopt for any other.
std::optional<Prefix> whole(const ps_dynamic_entry& slot) noexcept {
  if ((slot.sequence & 1u) || slot.kind >= PS_DYNAMIC_KIND_COUNT || slot.action >= PS_ACTION_COUNT)
    return std::nullopt;
  return prefix_of(slot);
}

bool is_free(const ps_dynamic_entry& slot) noexcept {
  return slot.expires_ns == 0 && !(slot.sequence & 1u);
}

bool is_size(size_t buckets) noexcept {
  return buckets >= 2 && std::has_single_bit(buckets - 1) && buckets - 1 <= size_t{1} << 31;
}

uint32_t log2_of(size_t buckets) noexcept {
  return static_cast<uint32_t>(std::bit_width(buckets - 1) - 1);
}

template <typename T>
void publish(T& field, T value) noexcept {
  __atomic_store_n(&field, value, __ATOMIC_RELEASE);
}

void write_slot(ps_dynamic_entry& slot, const Words& words, ps_dynamic_kind kind, Action action,
                uint64_t expires_ns, bool learned) noexcept {
  const uint32_t odd = slot.sequence | 1u;
  publish(slot.sequence, odd);
  publish(slot.high, words.high);
  publish(slot.low, words.low);
  publish(slot.expires_ns, expires_ns);
  publish(slot.kind, static_cast<uint8_t>(kind));
  publish(slot.action, static_cast<uint8_t>(action));
  publish(slot.learned, static_cast<uint8_t>(learned));
  publish(slot.sequence, odd + 1u);
}

void free_slot(ps_dynamic_entry& slot) noexcept {
  write_slot(slot, {0, 0}, ps_dynamic_kind{}, Action::ALLOW, 0, false);
}

uint64_t random_seed() {
  uint64_t seed = 0;
  while (seed == 0) {  // 0 means that the memory was never set up
    const auto got = getrandom(&seed, sizeof seed, 0);
    if (got < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "no randomness for the entry table");
    if (got != static_cast<ssize_t>(sizeof seed)) seed = 0;
  }
  return seed;
}

}  // namespace

uint64_t monotonic_ns() noexcept {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

DynamicTable::DynamicTable(std::span<ps_dynamic_bucket> memory, ps_dynamic_gate* copy)
    : memory_(memory), copy_(copy) {
  if (!is_size(memory.size()))
    throw std::invalid_argument("a table of dynamic entries has 1 + 2^n buckets");
  if (!adopt()) start_empty();
}

size_t DynamicTable::buckets_for(size_t entries) noexcept {
  return 1 + std::bit_ceil((entries * kSlotsPerEntry + PS_DYNAMIC_WAYS - 1) / PS_DYNAMIC_WAYS);
}

std::optional<ps_dynamic_kind> DynamicTable::kind_of(const Prefix& prefix) noexcept {
  for (size_t kind = 0; kind < kKinds.size(); kind++)
    if (kKinds[kind].family == prefix.family() && kKinds[kind].length == prefix.length())
      return static_cast<ps_dynamic_kind>(kind);
  return std::nullopt;
}

ps_dynamic_header& DynamicTable::header() noexcept {
  return *reinterpret_cast<ps_dynamic_header*>(memory_.data());
}

void DynamicTable::set_kinds(uint32_t kinds) noexcept {
  publish(header().gate.kinds, kinds);
  if (copy_) publish(copy_->kinds, kinds);
}

void DynamicTable::set_refuses() noexcept {
  const uint32_t refuses = refusing_ > 0 ? 1 : 0;
  publish(header().gate.refuses, refuses);
  if (copy_) publish(copy_->refuses, refuses);
}

std::span<ps_dynamic_entry, PS_DYNAMIC_WAYS> DynamicTable::bucket_of(
    const Prefix& prefix, ps_dynamic_kind kind) noexcept {
  const auto words = words_of(prefix);
  return memory_[ps_dynamic_bucket_of(&header(), words.high, words.low, kind)].entries;
}

bool DynamicTable::is_table(std::span<const ps_dynamic_bucket> memory) noexcept {
  if (!is_size(memory.size())) return false;
  const auto& header = *reinterpret_cast<const ps_dynamic_header*>(memory.data());
  return header.layout == PS_DYNAMIC_LAYOUT && header.seed != 0 &&
         header.buckets_log2 == log2_of(memory.size()) &&
         header.gate.kinds >> PS_DYNAMIC_KIND_COUNT == 0;
}

// Readers may be at work in this memory all the while (a BPF program outlives its loader), and this
// process, too, may die at any point: what it leaves is a table again.
bool DynamicTable::adopt() {
  if (!is_table(memory_)) return false;
  for (auto& bucket : memory_.subspan(1)) {
    for (auto& slot : bucket.entries) {
      if (is_free(slot)) continue;
      const auto prefix = whole(slot);
      const auto kind = static_cast<ps_dynamic_kind>(slot.kind);
      if (!prefix || details_.contains(*prefix) ||
          bucket_of(*prefix, kind).data() != bucket.entries) {
        free_slot(slot);
        lost_++;
        continue;
      }
      note(*prefix,
           {&slot, static_cast<Action>(slot.action), std::string(kAdopted), slot.expires_ns,
            slot.learned != 0},
           kind);
    }
  }
  uint32_t kinds = 0;
  for (size_t kind = 0; kind < of_kind_.size(); kind++)
    if (of_kind_[kind] > 0) kinds |= 1u << kind;
  set_kinds(kinds);
  set_refuses();
  return true;
}

void DynamicTable::copy_from(std::span<const ps_dynamic_bucket> former, uint64_t now_ns) {
  std::vector<const ps_dynamic_entry*> live;
  for (const auto& bucket : former.subspan(1))
    for (const auto& slot : bucket.entries) {
      if (is_free(slot)) continue;
      if (!whole(slot))
        lost_++;
      else if (slot.expires_ns > now_ns)
        live.push_back(&slot);
    }
  // A full bucket gives up the one that expires first: in this order never the one that comes.
  std::ranges::sort(live, {}, &ps_dynamic_entry::expires_ns);
  const auto evicted = evicted_;
  for (const auto* slot : live)
    add({*prefix_of(*slot), static_cast<Action>(slot->action), std::string(kAdopted),
         slot->expires_ns, slot->learned != 0},
        now_ns);
  lost_ += evicted_ - evicted;
}

void DynamicTable::start_empty() {
  publish(header().layout, 0u);
  set_kinds(0);
  set_refuses();
  for (auto& bucket : memory_.subspan(1))
    for (auto& slot : bucket.entries) free_slot(slot);
  publish(header().buckets_log2, log2_of(memory_.size()));
  publish(header().seed, random_seed());
  publish(header().layout, PS_DYNAMIC_LAYOUT);
}

void DynamicTable::note(const Prefix& prefix, Detail detail, ps_dynamic_kind kind) {
  by_expiry_.emplace(detail.expires_ns, prefix);
  if (detail.action == Action::REFUSE) refusing_++;
  details_.insert_or_assign(prefix, std::move(detail));
  of_kind_[kind]++;
}

void DynamicTable::forget(Details::iterator detail) {
  const auto kind = static_cast<ps_dynamic_kind>(detail->second.slot->kind);
  free_slot(*detail->second.slot);
  by_expiry_.erase({detail->second.expires_ns, detail->first});
  if (detail->second.action == Action::REFUSE && --refusing_ == 0) set_refuses();
  details_.erase(detail);
  if (--of_kind_[kind] == 0) set_kinds(header().gate.kinds & ~(1u << kind));
}

void DynamicTable::add(const DynamicEntry& entry, uint64_t now_ns) {
  const auto kind = kind_of(entry.prefix);
  if (!kind)
    throw std::invalid_argument(
        "an entry's prefix is an IPv4 /32 or /24, or an IPv6 /128, /64, "
        "/56 or /48, not " +
        entry.prefix.to_string());
  if (entry.reason.size() > kMaxReasonBytes)
    throw std::invalid_argument("the reason is longer than " + std::to_string(kMaxReasonBytes) +
                                " bytes");
  if (entry.expires_ns <= now_ns) throw std::invalid_argument("the entry has expired already");

  ps_dynamic_entry* slot = nullptr;
  if (const auto same = details_.find(entry.prefix); same != details_.end()) {
    slot = same->second.slot;
    by_expiry_.erase({same->second.expires_ns, same->first});
    of_kind_[*kind]--;
    if (same->second.action == Action::REFUSE) refusing_--;
  } else {
    // A free slot expires at 0 and so is the first to go, then one whose time has passed.
    const auto bucket = bucket_of(entry.prefix, *kind);
    slot = &*std::ranges::min_element(bucket, {}, &ps_dynamic_entry::expires_ns);
    if (slot->expires_ns != 0) {
      if (slot->expires_ns > now_ns) evicted_++;
      forget(details_.find(*prefix_of(*slot)));
    }
  }
  write_slot(*slot, words_of(entry.prefix), *kind, entry.action, entry.expires_ns, entry.learned);
  note(entry.prefix, {slot, entry.action, entry.reason, entry.expires_ns, entry.learned}, *kind);
  set_kinds(header().gate.kinds | 1u << *kind);
  set_refuses();
}

bool DynamicTable::remove(const Prefix& prefix) {
  const auto detail = details_.find(prefix);
  if (detail == details_.end()) return false;
  forget(detail);
  return true;
}

void DynamicTable::sweep(uint64_t now_ns, size_t most) {
  for (; most > 0 && !by_expiry_.empty() && by_expiry_.begin()->first <= now_ns; most--)
    forget(details_.find(by_expiry_.begin()->second));
}

DynamicEntry DynamicTable::entry_of(const Details::value_type& item) {
  const auto& [prefix, detail] = item;
  return {prefix, detail.action, detail.reason, detail.expires_ns, detail.learned};
}

std::optional<DynamicEntry> DynamicTable::find(const Prefix& prefix, uint64_t now_ns) const {
  const auto found = details_.find(prefix);
  if (found == details_.end() || found->second.expires_ns <= now_ns) return std::nullopt;
  return entry_of(*found);
}

std::optional<DynamicEntry> DynamicTable::next(const std::optional<Prefix>& after,
                                               uint64_t now_ns) const {
  auto at = after ? details_.upper_bound(*after) : details_.begin();
  while (at != details_.end() && at->second.expires_ns <= now_ns) ++at;
  if (at == details_.end()) return std::nullopt;
  return entry_of(*at);
}

std::vector<DynamicEntry> DynamicTable::covering(const IpAddress& address, uint64_t now_ns) const {
  std::vector<DynamicEntry> entries;
  for (const auto& kind : kKinds) {
    if (kind.family != address.family()) continue;
    const auto prefix = Prefix::make(address, kind.length, Prefix::HostBits::kMask);
    if (auto entry = find(*prefix, now_ns)) entries.push_back(std::move(*entry));
  }
  return entries;
}

}  // namespace postern
