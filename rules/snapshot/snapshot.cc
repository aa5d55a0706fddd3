// SPDX-License-Identifier: BSD-3-Clause
//
// Opening a snapshot, from a file that is mapped or from bytes, and looking things up in it
// (rules/snapshot/snapshot.h). A mapped file must not be changed in place; write_snapshot() never
// does.
#include "rules/snapshot/snapshot.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "rules/policy/parse.h"
#include "rules/snapshot/entry_index.h"
#include "rules/snapshot/sections_view.h"
#include "rules/snapshot/verify.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

[[noreturn]] void fail_with_errno(const std::string& path) {
  throw std::system_error(errno, std::generic_category(), path);
}

// A whole file, read-only and private.
class Mapping {
 public:
  explicit Mapping(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) fail_with_errno(path);
    struct stat status {};
    if (::fstat(fd, &status) == 0 && !S_ISREG(status.st_mode)) {
      ::close(fd);
      throw BadInput(Diagnostic{.file = path, .message = "is not a file"});
    }
    size_ = static_cast<size_t>(status.st_size);
    if (size_ > 0) start_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    const int error = errno;
    ::close(fd);
    if (start_ == MAP_FAILED) {
      errno = error;
      fail_with_errno(path);
    }
  }
  ~Mapping() {
    if (start_ != nullptr && start_ != MAP_FAILED) ::munmap(start_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::span<const std::byte> bytes() const noexcept {
    return {static_cast<const std::byte*>(start_), size_};
  }

 private:
  void* start_ = nullptr;
  size_t size_ = 0;
};

template <typename Memory>
class SnapshotIn final : public Snapshot {
 public:
  template <typename Source>
  SnapshotIn(Source&& source, const std::string& name, Verified verified)
      : memory_(std::forward<Source>(source)) {
    adopt(std::as_const(memory_).bytes(), name, verified);
  }

 private:
  Memory memory_;
};

AddressRange range_of(const ps_entry_v4& entry) {
  return *AddressRange::make(IpAddress::v4(entry.first), IpAddress::v4(entry.last));
}

AddressRange range_of(const ps_entry_v6& entry) {
  std::array<uint8_t, 16> first, last;
  std::ranges::copy(entry.first, first.begin());
  std::ranges::copy(entry.last, last.begin());
  return *AddressRange::make(IpAddress::v6(first), IpAddress::v6(last));
}

}  // namespace

Snapshot::Snapshot() = default;
Snapshot::~Snapshot() = default;

std::shared_ptr<const Snapshot> Snapshot::open(const std::string& path, Verified verified) {
  return std::make_shared<SnapshotIn<Mapping>>(path, path, verified);
}

std::shared_ptr<const Snapshot> Snapshot::from_bytes(std::span<const std::byte> bytes,
                                                     const std::string& name, Verified verified) {
  return from_bytes(AlignedBytes(bytes), name, verified);
}

std::shared_ptr<const Snapshot> Snapshot::from_bytes(AlignedBytes bytes, const std::string& name,
                                                     Verified verified) {
  return std::make_shared<SnapshotIn<AlignedBytes>>(std::move(bytes), name, verified);
}

void Snapshot::adopt(std::span<const std::byte> bytes, const std::string& name, Verified verified) {
  if (verified == Verified::kWhole)
    verify_image(bytes, name);
  else
    verify_outline(bytes, name);
  bytes_ = bytes;
  name_ = name;
  sections_ = std::make_unique<const Sections>(bytes, name_, verified);
  for (const auto& list : sections_->lists())
    lists_.push_back({.name = std::string(sections_->text_of(list.name)),
                      .file = std::string(sections_->text_of(list.file)),
                      .format = std::string(sections_->text_of(list.format)),
                      .category = std::string(sections_->text_of(list.category)),
                      .contact = std::string(sections_->text_of(list.contact)),
                      .weight = list.weight,
                      .modified_at = list.modified_at,
                      .changed_at = list.changed_at,
                      .expires_at = list.expires_at == PS_NEVER
                                        ? std::nullopt
                                        : std::optional<int64_t>(list.expires_at),
                      .content_hash = list.content_hash,
                      .reading_hash = list.reading_hash,
                      .entries = list.entries,
                      .skipped = list.skipped,
                      .expired = (list.flags & PS_LIST_EXPIRED) != 0,
                      .kept_previous = (list.flags & PS_LIST_KEPT_PREVIOUS) != 0});
  for (const auto& sublist : sections_->sublists())
    sublists_.push_back(
        {.list = sublist.list,
         .map = sublist.map == PS_NO_MAP ? std::nullopt : std::optional<uint32_t>(sublist.map),
         .category = std::string(sections_->text_of(sublist.category)),
         .weight = sublist.weight,
         .expires_at = sublist.expires_at,
         .is_protected = sublist.is_protected != 0});
  domains_.resize(lists_.size());
  if (verified == Verified::kWhole)
    for (const auto& record : sections_->domains()) {
      lists_[record.list].domains++;
      if (!lists_[record.list].expired)
        domains_[record.list].emplace_back(sections_->text_of(record.domain));
    }
  try {
    std::vector<PolicySource> sources;
    for (const auto& source : sections_->policy_sources())
      sources.push_back({std::string(sections_->text_of(source.file)),
                         std::string(sections_->text_of(source.text))});
    policy_ = parse_sources(sources);
  } catch (const BadInput& bad) {
    throw BadInput(Diagnostic{
        .file = name,
        .message = "has a policy that is refused: " + bad.diagnostics().front().message});
  }
  const auto maps_are_there = [&](const SubList& sublist) {
    return !sublist.map || *sublist.map < policy_.lists[sublist.list].maps.size();
  };
  if (policy_.lists.size() != lists_.size() ||
      policy_.services.size() != sections_->rows().size() ||
      !std::ranges::all_of(sublists_, maps_are_there))
    throw BadInput(Diagnostic{.file = name,
                              .message = "is a damaged snapshot: its policy has other lists or "
                                         "services than its tables"});
}

const ps_snapshot_header& Snapshot::header() const noexcept {
  return *reinterpret_cast<const ps_snapshot_header*>(bytes_.data());
}

std::span<const std::byte> Snapshot::image_bytes() const noexcept {
  return bytes_.first(size_t{header().engine_blocks} * PS_BLOCK_BYTES);
}

ps_image Snapshot::image() const noexcept {
  return {reinterpret_cast<const ps_block*>(bytes_.data()), header().engine_blocks};
}

ClassId Snapshot::class_of(const IpAddress& source) const noexcept {
  auto view = image();
  const auto address = source.abi();
  return ps_class_of(&view, source.abi_family(), &address);
}

ps_verdict Snapshot::verdict(uint32_t policy, ClassId address_class) const noexcept {
  auto view = image();
  return ps_verdict_of(&view, policy, address_class);
}

std::optional<ps_service> Snapshot::service_of(const IpAddress& destination, uint16_t port,
                                               uint32_t vlan) const noexcept {
  auto view = image();
  const auto address = destination.abi();
  ps_service service;
  if (!ps_service_of(&view, vlan, destination.abi_family(), &address, port, &service))
    return std::nullopt;
  return service;
}

std::vector<uint32_t> Snapshot::sublists_of(ClassId address_class) const {
  const auto members = sections_->members_of(address_class);
  std::vector<uint32_t> sublists(members.begin(), members.end());
  if (!sublists.empty() && sublists.back() == PS_CLASS_PROTECTED) sublists.pop_back();
  return sublists;
}

std::vector<size_t> Snapshot::lists_of(ClassId address_class, int64_t now) const {
  std::vector<size_t> lists;
  for (const uint32_t sublist : sublists_of(address_class))
    if (sublists_[sublist].counts_at(now) &&
        (lists.empty() || lists.back() != sublists_[sublist].list))
      lists.push_back(sublists_[sublist].list);
  return lists;
}

bool Snapshot::is_protected(ClassId address_class, int64_t now) const {
  const auto members = sections_->members_of(address_class);
  return std::ranges::any_of(members, [&](uint32_t member) {
    return member == PS_CLASS_PROTECTED ||
           (sublists_[member].is_protected && sublists_[member].counts_at(now));
  });
}

std::vector<uint32_t> Snapshot::members_of(ClassId address_class) const {
  const auto members = sections_->members_of(address_class);
  std::vector<uint32_t> copy(members.begin(), members.end());
  if (!copy.empty() && copy.back() == PS_CLASS_PROTECTED)
    copy.back() = static_cast<uint32_t>(sublists_.size());
  return copy;
}

std::vector<std::vector<uint32_t>> Snapshot::class_members() const {
  std::vector<std::vector<uint32_t>> classes;
  for (ClassId i = 0; i < header().class_count; i++) classes.push_back(members_of(i));
  return classes;
}

uint32_t Snapshot::row_of(size_t service) const noexcept {
  return sections_->rows()[service];
}

std::vector<uint64_t> Snapshot::sublist_entries() const {
  std::vector<uint64_t> counts(sublists_.size());
  const auto count = [&](const auto& entries) {
    for (const auto& entry : entries) {
      const auto& note = sections_->notes()[entry.note];
      if (!(note.flags & (PS_NOTE_EXCLUDED | PS_NOTE_IGNORED))) counts[note.sublist]++;
    }
  };
  count(sections_->entries_v4());
  count(sections_->entries_v6());
  return counts;
}

EntryNote Snapshot::note_of(uint32_t note) const {
  const auto& record = sections_->note(note);
  EntryNote result{.word = std::string(sections_->text_of(record.word)),
                   .text = std::string(sections_->text_of(record.text)),
                   .expires_at = record.expires_at,
                   .excluded = (record.flags & PS_NOTE_EXCLUDED) != 0};
  if (record.flags & PS_NOTE_HAS_NUMBER) result.number = record.number;
  if (record.flags & PS_NOTE_HAS_SPECIFICITY)
    result.specificity = static_cast<uint8_t>(record.specificity);
  return result;
}

Provenance Snapshot::provenance_of(uint32_t note, uint32_t line, const AddressRange& range) const {
  const auto& record = sections_->note(note);
  Provenance provenance{.list = record.list, .line = line, .range = range, .note = note_of(note)};
  if (!(record.flags & (PS_NOTE_EXCLUDED | PS_NOTE_IGNORED))) provenance.sublist = record.sublist;
  return provenance;
}

std::vector<ListContent> Snapshot::contents() const {
  std::vector<ListContent> contents(lists_.size());
  struct Owner {
    ListContent* content;
    uint32_t number;  // of the note there
  };
  std::vector<Owner> owners;  // per note of the snapshot
  for (size_t list = 0; list < lists_.size(); list++) {
    const auto& record = sections_->lists()[list];
    auto& content = contents[list];
    content.overlap = static_cast<Overlap>(record.overlap);
    for (uint32_t i = 0; i < record.note_count; i++)
      owners.push_back({&content, content.notes.number_of(note_of(record.first_note + i))});
  }
  for (const auto& entry : sections_->entries_v4()) {
    const auto [content, number] = owners[entry.note];
    content->v4.push_back({entry.first, entry.last, entry.line, number});
  }
  for (const auto& entry : sections_->entries_v6()) {
    const auto [content, number] = owners[entry.note];
    content->add(range_of(entry), entry.line, number);
  }
  for (const auto& record : sections_->domains())
    contents[record.list].domains.push_back(
        {std::string(sections_->text_of(record.domain)), record.line});
  return contents;
}

const std::vector<std::string>& Snapshot::domains_of(size_t list) const {
  return domains_[list];
}

Explanation Snapshot::explain(const IpAddress& source, const std::optional<IpAddress>& to,
                              int64_t now) const {
  Explanation explanation;
  explanation.address_class = class_of(source);
  sections_->require(explanation.address_class < header().class_count,
                     "an address is of a class that there is not");
  explanation.is_protected = is_protected(explanation.address_class, now);
  const auto sublists = sublists_of(explanation.address_class);
  const auto protects = [&](const Protect& protect) {
    if (const auto* prefix = std::get_if<Prefix>(&protect.what)) return prefix->contains(source);
    return std::ranges::any_of(sublists, [&](uint32_t number) {
      const auto& sublist = sublists_[number];
      if (!sublist.counts_at(now)) return false;
      if (const auto* list = std::get_if<ProtectedList>(&protect.what))
        return list->list == sublist.list;
      return std::get<ProtectedCategory>(protect.what).category == sublist.category;
    });
  };
  const auto protect = std::ranges::find_if(policy_.protects, protects);
  if (protect != policy_.protects.end()) explanation.protect_place = protect->place;

  const auto add = [&](const auto& entry) {
    explanation.entries.push_back(provenance_of(entry.note, entry.line, range_of(entry)));
  };
  // Sorted by where they begin, so all that have the address come before the first behind it.
  if (const auto* index = indexed_.load(std::memory_order_acquire)) {
    if (source.is_v4())
      index->visit_v4(sections_->entries_v4(), source.v4_host_order(), add);
    else
      index->visit_v6(sections_->entries_v6(), source.bytes().data(), add);
  } else if (source.is_v4()) {
    const auto address = source.v4_host_order();
    const auto entries = sections_->entries_v4();
    const auto end = std::ranges::upper_bound(entries, address, {}, &ps_entry_v4::first);
    for (auto entry = entries.begin(); entry != end; ++entry)
      if (entry->first <= address && address <= entry->last) add(*entry);
  } else {
    const auto* address = source.bytes().data();
    const auto entries = sections_->entries_v6();
    const auto end = std::partition_point(entries.begin(), entries.end(), [&](const auto& entry) {
      return std::memcmp(entry.first, address, 16) <= 0;
    });
    for (auto entry = entries.begin(); entry != end; ++entry)
      if (std::memcmp(entry->first, address, 16) <= 0 && std::memcmp(address, entry->last, 16) <= 0)
        add(*entry);
  }

  for (size_t i = 0; i < policy_.services.size(); i++) {
    const auto& service = policy_.services[i];
    const auto reaches = [&](const Prefix& prefix) { return prefix.contains(*to); };
    if (to && std::ranges::none_of(service.destinations, reaches)) continue;
    explanation.services.push_back(explain_service(i, explanation.address_class));
  }
  return explanation;
}

void Snapshot::index_entries() const {
  std::call_once(indexing_, [this] {
    index_ = std::make_unique<const EntryIndex>(sections_->entries_v4(), sections_->entries_v6());
    indexed_.store(index_.get(), std::memory_order_release);
  });
}

const ConnectionRule* Snapshot::rule_of(size_t service, uint16_t number) const noexcept {
  for (const auto& block : policy_.connections)
    if (std::ranges::find(block.services, service) != block.services.end() && number > 0 &&
        number <= block.rules.size())
      return &block.rules[number - 1u];
  return nullptr;
}

Explanation::PerService Snapshot::explain_service(size_t service, ClassId address_class) const {
  Explanation::PerService result;
  result.number = service;
  result.service = policy_.services[service].name;
  result.verdict = verdict(row_of(service), address_class);
  sections_->require(
      result.verdict.action < PS_ACTION_COUNT && result.verdict.reason < PS_REASON_COUNT,
      "the matrix has a verdict that there is not");
  result.rule = rule_of(service, result.verdict.rule);
  result.observed_rule = rule_of(service, result.verdict.observed_rule);
  return result;
}

}  // namespace postern
