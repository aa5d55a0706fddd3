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
#include <new>
#include <system_error>

#include "rules/policy/parse.h"
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

// A copy that lies at the alignment of a block.
class AlignedCopy {
 public:
  explicit AlignedCopy(std::span<const std::byte> bytes)
      : size_(bytes.size()),
        start_(static_cast<std::byte*>(::operator new(size_ + 1, kAlignment))) {
    std::copy(bytes.begin(), bytes.end(), start_);
  }
  ~AlignedCopy() { ::operator delete(start_, kAlignment); }
  AlignedCopy(const AlignedCopy&) = delete;
  AlignedCopy& operator=(const AlignedCopy&) = delete;
  std::span<const std::byte> bytes() const noexcept { return {start_, size_}; }

 private:
  static constexpr std::align_val_t kAlignment{alignof(ps_block)};
  size_t size_;
  std::byte* start_;
};

template <typename Memory>
class SnapshotIn final : public Snapshot {
 public:
  template <typename Source>
  SnapshotIn(const Source& source, const std::string& name) : memory_(source) {
    adopt(memory_.bytes(), name);
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

template <typename Entry, typename Wanted>
void append_entries(std::span<const Entry> entries, Wanted wanted, std::vector<Provenance>& to) {
  for (const auto& entry : entries)
    if (wanted(entry)) to.push_back({entry.list, entry.line, range_of(entry)});
}

}  // namespace

Snapshot::Snapshot() = default;
Snapshot::~Snapshot() = default;

std::shared_ptr<const Snapshot> Snapshot::open(const std::string& path) {
  return std::make_shared<SnapshotIn<Mapping>>(path, path);
}

std::shared_ptr<const Snapshot> Snapshot::from_bytes(std::vector<std::byte> bytes,
                                                     const std::string& name) {
  return std::make_shared<SnapshotIn<AlignedCopy>>(std::span<const std::byte>(bytes), name);
}

void Snapshot::adopt(std::span<const std::byte> bytes, const std::string& name) {
  verify_image(bytes, name);
  bytes_ = bytes;
  name_ = name;
  sections_ = std::make_unique<const Sections>(bytes, name_);
  for (const auto& list : sections_->lists())
    lists_.push_back({.name = std::string(sections_->text_of(list.name)),
                      .file = std::string(sections_->text_of(list.file)),
                      .format = std::string(sections_->text_of(list.format)),
                      .category = std::string(sections_->text_of(list.category)),
                      .contact = std::string(sections_->text_of(list.contact)),
                      .modified_at = list.modified_at,
                      .expires_at = list.expires_at == PS_NEVER
                                        ? std::nullopt
                                        : std::optional<int64_t>(list.expires_at),
                      .entries = list.entries,
                      .expired = (list.flags & PS_LIST_EXPIRED) != 0,
                      .kept_previous = (list.flags & PS_LIST_KEPT_PREVIOUS) != 0});
  domains_.resize(lists_.size());
  for (const auto& record : sections_->domains())
    if (!lists_[record.list].expired)
      domains_[record.list].emplace_back(sections_->text_of(record.domain));
  try {
    policy_ = parse_policy(sections_->policy_text(), std::string(sections_->policy_file()));
  } catch (const BadInput& bad) {
    throw BadInput(Diagnostic{
        .file = name,
        .message = "has a policy that is refused: " + bad.diagnostics().front().message});
  }
  if (policy_.lists.size() != lists_.size() || policy_.services.size() != sections_->rows().size())
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

std::optional<ps_service> Snapshot::service_of(const IpAddress& destination,
                                               uint16_t port) const noexcept {
  auto view = image();
  const auto address = destination.abi();
  ps_service service;
  if (!ps_service_of(&view, destination.abi_family(), &address, port, &service))
    return std::nullopt;
  return service;
}

std::vector<size_t> Snapshot::lists_of(ClassId address_class) const {
  const auto members = sections_->members_of(address_class);
  std::vector<size_t> lists(members.begin(), members.end());
  if (is_protected(address_class)) lists.pop_back();
  return lists;
}

bool Snapshot::is_protected(ClassId address_class) const {
  const auto members = sections_->members_of(address_class);
  return !members.empty() && members.back() == PS_CLASS_PROTECTED;
}

std::vector<Provenance> Snapshot::entries_of(size_t list) const {
  std::vector<Provenance> entries;
  const auto of_list = [&](const auto& entry) { return entry.list == list; };
  append_entries(sections_->entries_v4(), of_list, entries);
  append_entries(sections_->entries_v6(), of_list, entries);
  return entries;
}

const std::vector<std::string>& Snapshot::domains_of(size_t list) const {
  return domains_[list];
}

std::vector<DomainEntry> Snapshot::domain_entries_of(size_t list) const {
  std::vector<DomainEntry> entries;
  for (const auto& record : sections_->domains())
    if (record.list == list)
      entries.push_back({std::string(sections_->text_of(record.domain)), record.line});
  return entries;
}

Explanation Snapshot::explain(const IpAddress& source, const std::optional<IpAddress>& to) const {
  Explanation explanation;
  explanation.address_class = class_of(source);
  explanation.is_protected = is_protected(explanation.address_class);
  for (size_t i = 0; i < policy_.protects.size() && explanation.protect_line == 0; i++)
    if (policy_.protects[i].contains(source)) explanation.protect_line = policy_.protect_lines[i];

  if (source.is_v4()) {
    const auto address = source.v4_host_order();
    const auto contains = [&](const auto& e) { return e.first <= address && address <= e.last; };
    append_entries(sections_->entries_v4(), contains, explanation.entries);
  } else {
    const auto* address = source.bytes().data();
    const auto contains = [&](const auto& e) {
      return std::memcmp(e.first, address, 16) <= 0 && std::memcmp(address, e.last, 16) <= 0;
    };
    append_entries(sections_->entries_v6(), contains, explanation.entries);
  }

  for (size_t i = 0; i < policy_.services.size(); i++) {
    const auto& service = policy_.services[i];
    const auto reaches = [&](const Prefix& prefix) { return prefix.contains(*to); };
    if (to && std::ranges::none_of(service.destinations, reaches)) continue;
    explanation.services.push_back(explain_service(i, explanation.address_class));
  }
  return explanation;
}

Explanation::PerService Snapshot::explain_service(size_t service, ClassId address_class) const {
  Explanation::PerService result;
  result.service = policy_.services[service].name;
  result.verdict = verdict(sections_->rows()[service], address_class);
  if (result.verdict.rule == 0) return result;
  for (const auto& block : policy_.connections) {
    if (std::ranges::find(block.services, service) == block.services.end()) continue;
    if (result.verdict.rule > block.rules.size()) continue;
    const auto& rule = block.rules[result.verdict.rule - 1u];
    result.rule_text = rule.text;
    result.rule_line = rule.line;
  }
  return result;
}

}  // namespace postern
