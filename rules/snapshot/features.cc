// SPDX-License-Identifier: BSD-3-Clause
//
// Bits -> words (rules/snapshot/features.h).
#include "rules/snapshot/features.h"

#include <string_view>
#include <utility>

#include "rules/abi/snapshot_format.h"

namespace postern {

std::string feature_words(uint32_t features) {
  constexpr std::pair<uint32_t, std::string_view> kWords[] = {
      {PS_FEATURE_REFUSE, "refuse"},
      {PS_FEATURE_LIMIT, "limit"},
      {PS_FEATURE_HARD, "hard"},
      {PS_FEATURE_OUTBOUND, "connection from"},
      {PS_FEATURE_SIGNATURE, "signature"}};
  std::string words;
  for (const auto& [feature, word] : kWords) {
    if (!(features & feature)) continue;
    words += words.empty() ? "\"" : ", \"";
    words += word;
    words += '"';
    features &= ~feature;
  }
  if (features != 0) words += words.empty() ? "what a later Postern does" : " and more";
  return words;
}

}  // namespace postern
