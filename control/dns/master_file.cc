// SPDX-License-Identifier: BSD-3-Clause
//
// The table behind MasterFile and the questions to it; the reader of the text is
// master_file_parser.cc.
#include "control/dns/master_file.h"

#include "control/dns/domain_name.h"

namespace postern::dns {
namespace {

constexpr int kMaxCnames = 16;

std::string normalized(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return ascii_lower(name);
}

// "a.b.c" -> "b.c"; "" above a single label.
std::string parent_of(const std::string& name) {
  const auto dot = name.find('.');
  return dot == std::string::npos ? std::string() : name.substr(dot + 1);
}

}  // namespace

void MasterFile::add(const std::string& name, RecordType type, std::string value) {
  add_name(name);
  nodes_[name][type].push_back(std::move(value));
}

void MasterFile::add_name(const std::string& name) {
  if (!nodes_.try_emplace(name).second) return;
  for (auto above = parent_of(name); !above.empty(); above = parent_of(above)) {
    if (!inner_names_.insert(above).second) break;
  }
}

size_t MasterFile::record_count() const noexcept {
  size_t count = 0;
  for (const auto& [name, types] : nodes_) {
    for (const auto& [type, values] : types) count += values.size();
  }
  return count;
}

bool MasterFile::exists(const std::string& name) const {
  return nodes_.contains(name) || inner_names_.contains(name);
}

// The node that answers for name: its own, or the wildcard at its closest encloser (RFC 4592
// §3.3.1).
const MasterFile::RecordSet* MasterFile::node(const std::string& name) const {
  if (const auto found = nodes_.find(name); found != nodes_.end()) return &found->second;
  if (inner_names_.contains(name)) return nullptr;
  for (auto above = parent_of(name);; above = parent_of(above)) {
    if (!above.empty() && !exists(above)) continue;
    const auto wildcard = nodes_.find(above.empty() ? "*" : "*." + above);
    return wildcard == nodes_.end() ? nullptr : &wildcard->second;
  }
}

Answer MasterFile::find(std::string_view name, RecordType type) const {
  Answer answer;
  std::string wanted = normalized(name);
  for (int hops = 0; hops <= kMaxCnames; hops++) {
    const RecordSet* records = node(wanted);
    if (records == nullptr) {
      answer.status = exists(wanted) ? Status::kNoData : Status::kNoName;
      return answer;
    }
    if (const auto found = records->find(type); found != records->end()) {
      answer.status = Status::kFound;
      answer.records = found->second;
      return answer;
    }
    const auto alias = records->find(RecordType::kCname);
    if (alias == records->end()) {
      answer.status = Status::kNoData;
      return answer;
    }
    wanted = alias->second.front();
  }
  answer.status = Status::kFailed;
  answer.detail = "more than " + std::to_string(kMaxCnames) + " CNAMEs in a row";
  return answer;
}

}  // namespace postern::dns
