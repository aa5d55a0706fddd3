// SPDX-License-Identifier: BSD-3-Clause
//
// Format ip4set: the data file of rbldnsd's dataset of that name. The finest of the levels /8, /16,
// /24 and /32 that has an address answers for it (rules/lists/rbldnsd_dataset.h).
#include "rules/lists/formats.h"
#include "rules/lists/rbldnsd_dataset.h"

namespace postern {
namespace {

class Ip4setFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "ip4set"; }
  std::string_view title() const noexcept override {
    return "rbldnsd ip4set: octets, prefixes and ranges, ! exclusions, A values and texts";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_rbldnsd(text, RbldnsdType::kIp4set);
  }
  ListContent read(std::string_view text, const ListSource& source) const override {
    return read_rbldnsd(text, RbldnsdType::kIp4set, source);
  }
};

}  // namespace

const ListFormat& ip4set_format() {
  static const Ip4setFormat format;
  return format;
}

}  // namespace postern
