// SPDX-License-Identifier: BSD-3-Clause
//
// Format drop-text: Spamhaus DROP as text, one prefix per line, and behind a `;` the number under
// which Spamhaus says why. Lines that begin with `;` are comments. This text says nowhere that it
// is whole: the JSON lines of format drop do.
#include "rules/lists/formats.h"
#include "rules/lists/prefix_lines.h"

namespace postern {
namespace {

class DropTextFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "drop-text"; }
  std::string_view title() const noexcept override { return "Spamhaus DROP, prefix ; SBL number"; }

  Fit fit(std::string_view text) const override {
    return fit_of_prefix_lines(text, Comments::kSemicolon);
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    return read_prefix_lines(text, Comments::kSemicolon, source);
  }
};

}  // namespace

const ListFormat& drop_text_format() {
  static const DropTextFormat format;
  return format;
}

}  // namespace postern
