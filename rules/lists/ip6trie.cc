// SPDX-License-Identifier: BSD-3-Clause
//
// Format ip6trie: the data file of rbldnsd's dataset of that name, as ip4trie for IPv6
// (rules/lists/rbldnsd_dataset.h).
#include "rules/lists/formats.h"
#include "rules/lists/rbldnsd_dataset.h"

namespace postern {
namespace {

class Ip6trieFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "ip6trie"; }
  std::string_view title() const noexcept override { return "rbldnsd ip6trie: the same for IPv6"; }

  Fit fit(std::string_view text) const override {
    return fit_of_rbldnsd(text, RbldnsdType::kIp6trie);
  }
  ListContent read(std::string_view text, const ListSource& source) const override {
    return read_rbldnsd(text, RbldnsdType::kIp6trie, source);
  }
};

}  // namespace

const ListFormat& ip6trie_format() {
  static const Ip6trieFormat format;
  return format;
}

}  // namespace postern
