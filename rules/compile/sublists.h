// SPDX-License-Identifier: BSD-3-Clause
//
// SubLists: taking lists apart into what is judged by itself (rules/snapshot/sublist.h), by what
// the notes of their entries say.
#pragma once

#include <cstdint>
#include <vector>

#include "rules/lists/list_content.h"
#include "rules/policy/policy.h"
#include "rules/snapshot/sublist.h"

namespace postern {

// What becomes of the entries with one note.
struct NoteFate {
  enum class Kind : uint8_t { kListed, kExcluded, kIgnored };
  Kind kind = Kind::kIgnored;
  uint32_t sublist = 0;  // of kListed
};

class SubLists {
 public:
  explicit SubLists(const Policy& policy) : policy_(policy) {}

  // Adds the sub-lists of the policy's next list, and says per note of its content what becomes of
  // the entries. expires_at: of the whole list. Throws BadInput beyond PS_MAX_SUBLISTS.
  std::vector<NoteFate> add(const ListContent& content, int64_t expires_at);
  const std::vector<SubList>& all() const noexcept { return sublists_; }

 private:
  uint32_t number_of(const SubList& sublist, size_t first);

  const Policy& policy_;
  uint32_t list_ = 0;
  std::vector<SubList> sublists_;
};

}  // namespace postern
