// SPDX-License-Identifier: BSD-3-Clause
//
// Format p2p: PeerGuardian's text, `name:first-last` per line, IPv4 only. A name may have colons
// and be of any bytes, as there is no agreement on their encoding. Lines that begin with `#` are
// comments.
#include "rules/address/range_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct NamedRange {
  std::string_view name, range;
};

std::optional<NamedRange> split(std::string_view line) {
  const auto colon = line.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  return NamedRange{trimmed(line.substr(0, colon)), trimmed(line.substr(colon + 1))};
}

class P2pFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "p2p"; }
  std::string_view title() const noexcept override { return "PeerGuardian P2P, name:first-last"; }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHashLines, [](std::string_view line) {
      const auto parts = split(line);
      return parts && looks_like_range(parts->range);
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size() / 2);
    std::string why;
    for (ListLines lines(text, Comments::kHashLines); lines.next();) {
      const auto parts = split(lines.text());
      if (!parts) {
        content.skip(source.file, lines.number(), quoted(lines.text()) + " is not name:first-last");
        continue;
      }
      if (const auto range = read_range(parts->range, &why))
        content.add(*range, lines.number(), content.notes.number_of_text(parts->name));
      else
        content.skip(source.file, lines.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& p2p_format() {
  static const P2pFormat format;
  return format;
}

}  // namespace postern
