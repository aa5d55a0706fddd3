// SPDX-License-Identifier: BSD-3-Clause
//
// Reading one prefix per line (rules/lists/prefix_lines.h).
#include "rules/lists/prefix_lines.h"

#include "rules/address/prefix_text.h"

namespace postern {

Fit fit_of_prefix_lines(std::string_view text, Comments comments) {
  return fit_of_lines(text, comments, [](std::string_view line) {
    return Prefix::parse(line, Prefix::HostBits::kMask).has_value();
  });
}

ListContent read_prefix_lines(std::string_view text, Comments comments, const ListSource& source) {
  ListContent content;
  content.expect(text.size());
  std::string why;
  for (ListLines lines(text, comments); lines.next();) {
    if (const auto prefix = read_prefix(lines.text(), &why))
      content.add(*prefix, lines.number(), content.notes.number_of_text(lines.comment()));
    else
      content.skip(source.file, lines.number(), why);
  }
  return content;
}

}  // namespace postern
