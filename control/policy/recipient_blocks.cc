// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks that name domains are found by a map, so that a thousand customers cost a recipient no
// more than ten; of lists there are few.
#include "control/policy/recipient_blocks.h"

#include <algorithm>
#include <optional>

#include "control/dns/domain_name.h"
#include "control/policy/role_address.h"

namespace postern::policy {
namespace {

// Calls visit with the name and each name above it.
template <typename Visit>
void for_each_parent(std::string_view name, Visit visit) {
  for (;;) {
    visit(name);
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

RecipientBlocks::RecipientBlocks(const Snapshot& snapshot) : snapshot_(snapshot) {
  const auto& blocks = snapshot.policy().message_blocks;
  for (size_t block = 0; block < blocks.size(); block++) {
    for (const auto& domain : blocks[block].domains) by_domain_.emplace(domain, block);
    for (const auto& in : blocks[block].lists)
      for (const size_t list : in.lists) by_list_.push_back({block, list});
  }
}

RuleBlock RecipientBlocks::block_of(std::string_view recipient, int64_t now) const {
  if (is_role_address(recipient)) return RuleBlock::kRole;
  const size_t at = recipient.rfind('@');
  if (at == std::string_view::npos || (by_domain_.empty() && by_list_.empty()))
    return RuleBlock::kGeneral;
  const auto domain = dns::to_a_labels(recipient.substr(at + 1));
  if (!domain) return RuleBlock::kGeneral;  // an address literal
  std::optional<size_t> first;
  for_each_parent(*domain, [&](std::string_view name) {
    const auto found = by_domain_.find(name);
    if (found != by_domain_.end()) first = std::min(first.value_or(SIZE_MAX), found->second);
  });
  for (const auto& [block, list] : by_list_) {
    if (first && block >= *first) break;
    const auto& expires = snapshot_.lists()[list].expires_at;
    if (expires && now >= *expires) continue;
    const auto& domains = snapshot_.domains_of(list);
    bool listed = false;
    for_each_parent(*domain, [&](std::string_view name) {
      listed = listed || std::binary_search(domains.begin(), domains.end(), name);
    });
    if (!listed) continue;
    first = block;
    break;
  }
  return first ? block_number(*first) : RuleBlock::kGeneral;
}

}  // namespace postern::policy
