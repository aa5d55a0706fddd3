// SPDX-License-Identifier: BSD-3-Clause
//
// RefusalTexts: what refused clients read (struct ps_text). Some lines are the same for everyone;
// then there is one for each list and category that may be the reason, with the list's contact; and
// a greeting and an answer to HELO for each name that a service has. Which line belongs to a
// sub-list does not depend on the time, so that the matrix of a later hour finds its lines where
// they were.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/policy.h"
#include "rules/snapshot/snapshot.h"
#include "rules/snapshot/sublist.h"

namespace postern {

// In a line's template: the client's address, and the address that it spoke to, as a literal.
inline constexpr std::string_view kSourceGap = "%a";
inline constexpr std::string_view kDestinationGap = "%d";

// A template without its CR LF as a text; throws std::length_error, with what is too much, when
// there are too many gaps or a line could become longer than PS_TEXT_LINE.
ps_text text_of(std::string_view line);

// What a refused client at this address reads, without CR LF. number: of a text of the snapshot;
// empty where there is none of it. A gap for the destination stays as it is.
std::string refusal_line(const Snapshot& snapshot, uint32_t number, const IpAddress& source);

class RefusalTexts {
 public:
  // Both must outlive this.
  RefusalTexts(const Policy& policy, const std::vector<SubList>& sublists);

  // Numbers of texts. Of the line that names a sub-list's list and category:
  uint32_t of_sublist(uint32_t sublist) const { return of_sublist_[sublist]; }
  // Of a service's greeting; the next is what it says to HELO.
  uint32_t greeting_of(const Service& service) const;

  // All of them, by number; those of lists, which are the last, only where rules refuse. Throws
  // BadInput for a line that is too long, at the list whose contact makes it so.
  std::vector<ps_text> compose(bool with_lists) const;

 private:
  ps_text line_of(const SubList& sublist) const;

  const Policy& policy_;
  std::vector<const Service*> names_;  // one service of each name
  std::unordered_map<std::string_view, uint32_t> number_of_name_;
  std::vector<const SubList*> of_lists_;  // one sub-list of each list and category
  std::vector<uint32_t> of_sublist_;
};

}  // namespace postern
