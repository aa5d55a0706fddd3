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

  // An address is no domain name: it ends in a number.
  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHash,
                        [](std::string_view line) { return canonical_domain(line).has_value(); });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      if (auto domain = canonical_domain(lines.text(), &why))
        content.domains.push_back({std::move(*domain), lines.number()});
      else
        content.skip(source.file, lines.number(), why);
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
