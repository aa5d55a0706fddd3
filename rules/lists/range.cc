// SPDX-License-Identifier: BSD-3-Clause
//
// Format range: one range per line in any of the ways people write one
// (rules/address/range_text.h),
// `#` comments, as FireHOL's iprange reads them. But where iprange masks host bits, and takes what
// looks octal for octal, such a line is a bad one here: it has two readings.
#include "rules/address/range_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"

namespace postern {
namespace {

class RangeFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "range"; }
  std::string_view title() const noexcept override {
    return "one range, prefix, address/mask or address per line, # comments (iprange)";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHash, looks_like_range);
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size());
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      if (const auto range = read_range(lines.text(), &why))
        content.add(*range, lines.number(), content.notes.number_of_text(lines.comment()));
      else
        content.skip(source.file, lines.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& range_format() {
  static const RangeFormat format;
  return format;
}

}  // namespace postern
