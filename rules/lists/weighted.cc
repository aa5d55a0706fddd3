// SPDX-License-Identifier: BSD-3-Clause
//
// Format weighted: an address or prefix per line, and behind blanks a count, such as the number of
// other lists that have it; `#` comments.
#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct WeightedLine {
  std::string_view prefix, count;
};

WeightedLine split(std::string_view line) {
  Cursor cursor(line);
  const auto prefix = cursor.take_while([](char c) { return c != ' ' && c != '\t'; });
  return {prefix, trimmed(cursor.rest())};
}

class WeightedFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "weighted"; }
  std::string_view title() const noexcept override {
    return "address or prefix, blanks and a count per line, # comments";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHash, [](std::string_view line) {
      const auto parts = split(line);
      return read_number(parts.count) && Prefix::parse(parts.prefix, Prefix::HostBits::kMask);
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size());
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      const auto parts = split(lines.text());
      const auto prefix = read_prefix(parts.prefix, &why);
      const auto count = read_number(parts.count);
      if (!prefix)
        content.skip(source.file, lines.number(), why);
      else if (parts.count.empty())
        content.skip(source.file, lines.number(), quoted(parts.prefix) + " has no count behind it");
      else if (!count)
        content.skip(source.file, lines.number(), quoted(parts.count) + " is not a count");
      else
        content.add(
            *prefix, lines.number(),
            content.notes.number_of({.number = count, .text = std::string(lines.comment())}));
    }
    return content;
  }
};

}  // namespace

const ListFormat& weighted_format() {
  static const WeightedFormat format;
  return format;
}

}  // namespace postern
