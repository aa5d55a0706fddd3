// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of list formats (rules/lists/list_format.h), and recognising one. A new format is
// one file, one line in formats.h and one line here.
#include "rules/lists/list_format.h"

#include "rules/lists/formats.h"

namespace postern {

const std::vector<const ListFormat*>& list_formats() {
  static const std::vector<const ListFormat*> formats = {
      &cidr_format(),       &domains_format(),      &range_format(),
      &weighted_format(),   &drop_text_format(),    &drop_format(),
      &p2p_format(),        &dat_format(),          &csv_format(),
      &misp_format(),       &postfix_cidr_format(), &sendmail_access_format(),
      &pf_format(),         &spamd_format(),        &ip4trie_format(),
      &ip4set_format(),     &ip6trie_format(),      &combined_format(),
      &ipset_format(),      &nft_format(),          &prefix_list_format(),
      &bgpq4_json_format(), &juniper_format(),
  };
  return formats;
}

const ListFormat* find_list_format(std::string_view name) {
  for (const auto* format : list_formats())
    if (format->name() == name) return format;
  return nullptr;
}

const ListFormat* recognise_list_format(std::string_view text) {
  const ListFormat* best = nullptr;
  double best_share = 0.5;  // as formats may not agree on what a line is
  for (const auto* format : list_formats()) {
    const auto fit = format->fit(text);
    if (fit.lines == 0) continue;
    const auto share = static_cast<double>(fit.read) / static_cast<double>(fit.lines);
    if (share <= best_share) continue;
    best = format;
    best_share = share;
    if (fit.read == fit.lines) break;
  }
  return best;
}

}  // namespace postern
