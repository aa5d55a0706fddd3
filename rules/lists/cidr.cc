// SPDX-License-Identifier: BSD-3-Clause
//
// Format cidr: one address or prefix per line, IPv4 and IPv6 mixed, `#` comments. It is what
// FireHOL calls a netset and an ipset, and what most plain blocklists are. A line with bits set
// behind the prefix length, or with an octet that could be octal, is a bad line: nobody knows what
// it means.
#include <optional>

#include "rules/lists/formats.h"
#include "rules/lists/prefix_lines.h"

namespace postern {
namespace {

class CidrFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "cidr"; }
  std::string_view title() const noexcept override {
    return "one address or prefix per line, # comments (FireHOL netset)";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_prefix_lines(text, Comments::kHash);
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    return read_prefix_lines(text, Comments::kHash, source);
  }
};

}  // namespace

const ListFormat& cidr_format() {
  static const CidrFormat format;
  return format;
}

}  // namespace postern
