// SPDX-License-Identifier: BSD-3-Clause
//
// RecipientBlocks: which message rules judge a message to a recipient. Postmaster and abuse are
// judged by none; the others by the first `message to` of the policy that takes their domain, or
// one above it, and where none does by `message`. A list counts while it has not expired.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "rules/snapshot/snapshot.h"

namespace postern::policy {

// The rules of one block. All others are made by block_number().
enum class RuleBlock : uint32_t { kGeneral = 0, kRole = UINT32_MAX };

// Which of Policy::message_blocks; not for kGeneral and kRole.
constexpr size_t index_of(RuleBlock block) noexcept {
  return static_cast<size_t>(block) - 1;
}
constexpr RuleBlock block_number(size_t index) noexcept {
  return static_cast<RuleBlock>(index + 1);
}

class RecipientBlocks {
 public:
  // The snapshot outlives this.
  explicit RecipientBlocks(const Snapshot& snapshot);

  // recipient: as RCPT has it, without brackets. now: Unix seconds.
  RuleBlock block_of(std::string_view recipient, int64_t now) const;

 private:
  struct Listed {
    size_t block, list;
  };
  const Snapshot& snapshot_;
  std::map<std::string, size_t, std::less<>> by_domain_;  // the first block that names it
  std::vector<Listed> by_list_;                           // in the order of the blocks
};

}  // namespace postern::policy
