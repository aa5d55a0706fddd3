// SPDX-License-Identifier: BSD-3-Clause
//
// Format ip4trie: the data file of rbldnsd's dataset of that name. The longest prefix that has an
// address answers for it (rules/lists/rbldnsd_dataset.h).
#include "rules/lists/formats.h"
#include "rules/lists/rbldnsd_dataset.h"

namespace postern {
namespace {

class Ip4trieFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "ip4trie"; }
  std::string_view title() const noexcept override {
    return "rbldnsd ip4trie: prefixes, ! exclusions, A values and texts";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_rbldnsd(text, RbldnsdType::kIp4trie);
  }
  ListContent read(std::string_view text, const ListSource& source) const override {
    return read_rbldnsd(text, RbldnsdType::kIp4trie, source);
  }
};

}  // namespace

const ListFormat& ip4trie_format() {
  static const Ip4trieFormat format;
  return format;
}

}  // namespace postern
