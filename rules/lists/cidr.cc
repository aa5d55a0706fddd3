// SPDX-License-Identifier: BSD-3-Clause
//
// Format cidr: one address or prefix per line, IPv4 and IPv6 mixed, `#` comments. It is what
// FireHOL calls a netset and an ipset, and what most plain blocklists are. A line with bits set
// behind the prefix length, or with an octet that could be octal, is a bad line: nobody knows what
// it means.
#include <optional>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"

namespace postern {
namespace {

class CidrFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "cidr"; }
  std::string_view title() const noexcept override {
    return "one address or prefix per line, # comments (FireHOL netset)";
  }

  // More than half of the lines are addresses. No two formats can both have more than half.
  bool recognises(std::string_view text) const override {
    uint64_t all = 0, addresses = 0;
    for (ListLines lines(text, Comments::kHash); lines.next(); all++)
      if (Prefix::parse(lines.text(), Prefix::HostBits::kMask)) addresses++;
    return addresses * 2 > all;
  }

  ListContent read(std::string_view text, const std::string& file) const override {
    ListContent content;
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      if (const auto prefix = read_prefix(lines.text(), &why))
        content.entries.push_back({*prefix, lines.number()});
      else
        skip_line(content, file, lines.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& cidr_format() {
  static const CidrFormat format;
  return format;
}

}  // namespace postern
