// SPDX-License-Identifier: BSD-3-Clause
//
// Format drop-text: Spamhaus DROP as text, one prefix per line, and behind a `;` the number under
// which Spamhaus says why. Lines that begin with `;` are comments. This text says nowhere that it
// is whole: the JSON lines of format drop do.
#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"

namespace postern {
namespace {

class DropTextFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "drop-text"; }
  std::string_view title() const noexcept override { return "Spamhaus DROP, prefix ; SBL number"; }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kSemicolon, [](std::string_view line) {
      return Prefix::parse(line, Prefix::HostBits::kMask).has_value();
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    std::string why;
    for (ListLines lines(text, Comments::kSemicolon); lines.next();) {
      if (const auto prefix = read_prefix(lines.text(), &why))
        content.add(*prefix, lines.number(), content.notes.number_of_text(lines.comment()));
      else
        content.skip(source.file, lines.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& drop_text_format() {
  static const DropTextFormat format;
  return format;
}

}  // namespace postern
