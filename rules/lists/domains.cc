// SPDX-License-Identifier: BSD-3-Clause
//
// Format domains: one domain name per line, `#` comments. A name stands for itself and for all its
// subdomains. Such a list is for `domain in NAME` of the message rules; it has no addresses.
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/domain_name.h"

namespace postern {
namespace {

class DomainsFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "domains"; }
  std::string_view title() const noexcept override {
    return "one domain name per line, # comments";
  }

  // More than half of the lines are domain names. An address is none: it ends in a number.
  bool recognises(std::string_view text) const override {
    uint64_t all = 0, domains = 0;
    for (ListLines lines(text, Comments::kHash); lines.next(); all++)
      if (canonical_domain(lines.text())) domains++;
    return domains * 2 > all;
  }

  ListContent read(std::string_view text, const std::string& file) const override {
    ListContent content;
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      if (auto domain = canonical_domain(lines.text(), &why))
        content.domains.push_back({std::move(*domain), lines.number()});
      else
        skip_line(content, file, lines.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& domains_format() {
  static const DomainsFormat format;
  return format;
}

}  // namespace postern
