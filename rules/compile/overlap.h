// SPDX-License-Identifier: BSD-3-Clause
//
// Within one list: which entries hold where, when they overlap and some of them are exclusions
// (rules/lists/list_content.h says the rules). A sweep over the boundaries, with the entries at one
// place kept by strength; no address is ever looked at by itself. What comes out are intervals of
// sub-lists, ready for the sweep over all lists.
#pragma once

#include <vector>

#include "rules/compile/segments.h"
#include "rules/compile/sublists.h"
#include "rules/lists/list_content.h"

namespace postern {

// Whether overlaps have to be resolved at all; most lists just have entries.
bool needs_resolving(const ListContent& content) noexcept;

// entries: of one family of `content`, in any order. fates: per note. The intervals are sorted by
// first; owners are sub-lists.
template <typename Key>
std::vector<Interval<Key>> resolve_overlaps(const std::vector<ListEntry<Key>>& entries,
                                            const ListContent& content,
                                            const std::vector<NoteFate>& fates);

extern template std::vector<Interval<KeyV4>> resolve_overlaps(const std::vector<ListEntry<KeyV4>>&,
                                                              const ListContent&,
                                                              const std::vector<NoteFate>&);
extern template std::vector<Interval<KeyV6>> resolve_overlaps(const std::vector<ListEntry<KeyV6>>&,
                                                              const ListContent&,
                                                              const std::vector<NoteFate>&);

}  // namespace postern
