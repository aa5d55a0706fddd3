// SPDX-License-Identifier: BSD-3-Clause
//
// Format spamd: a feed as OpenBSD's spamd-setup(8) reads it: an IPv4 address, a prefix or a range
// "first - last", and behind a blank anything, which is kept as the text; lines that begin with `#`
// are comments. spamd-setup takes two addresses with only blanks between them for a range too: here
// the second is text.
#include "rules/address/range_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct FeedLine {
  std::string_view range, text;
};

constexpr bool in_address(char c) noexcept {
  return (c >= '0' && c <= '9') || c == '.' || c == '/';
}

FeedLine split(std::string_view line) {
  Cursor cursor(line);
  cursor.take_while(in_address);
  auto range_end = cursor.position();
  auto ahead = cursor;
  ahead.take_while(is_blank);
  if (ahead.accept('-')) {
    ahead.take_while(is_blank);
    if (!ahead.take_while(in_address).empty()) {
      cursor = ahead;
      range_end = cursor.position();
    }
  }
  if (!cursor.at_end() && !is_blank(cursor.peek())) return {line, {}};  // goes on: no range
  return {line.substr(0, range_end), trimmed(cursor.rest())};
}

class SpamdFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "spamd"; }
  std::string_view title() const noexcept override {
    return "OpenBSD spamd feed: address, prefix or first - last, then any text";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHashLines,
                        [](std::string_view line) { return looks_like_range(split(line).range); });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size());
    std::string why;
    for (ListLines lines(text, Comments::kHashLines); lines.next();) {
      const auto parts = split(lines.text());
      const auto range = read_range(parts.range, &why);
      if (range && range->family() == Family::kV4)
        content.add(*range, lines.number(), content.notes.number_of_text(parts.text));
      else
        content.skip(source.file, lines.number(),
                     range ? quoted(parts.range) + " is IPv6, which spamd does not know" : why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& spamd_format() {
  static const SpamdFormat format;
  return format;
}

}  // namespace postern
