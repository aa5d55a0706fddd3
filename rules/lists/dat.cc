// SPDX-License-Identifier: BSD-3-Clause
//
// Format dat: eMule's ipfilter.dat, `first - last , level , name` per line, IPv4 only. This format
// pads octets with zeros, so that here "012" is twelve. A level beyond 127 allows the range: such a
// line is no entry, and a remark says so. Lines that begin with `#` are comments.
#include "rules/address/range_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr double kLastBlocked = 127, kLastLevel = 255;

struct DatLine {
  std::string range;  // without the padding
  std::string_view level, name;
};

constexpr bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// "001.020.000.004" -> "1.20.0.4". Only what has three digits was padded.
std::string without_padding(std::string_view text) {
  std::string result;
  for (Cursor cursor(text); !cursor.at_end();) {
    auto digits = cursor.take_while(is_digit);
    if (digits.size() == 3)
      while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    result += digits;
    if (!cursor.at_end()) result += cursor.take();
  }
  return result;
}

// nullopt unless there is a comma. A name may have commas of its own.
std::optional<DatLine> split(std::string_view line) {
  constexpr size_t kLongestRange = 64;
  Cursor cursor(line);
  const auto range = trimmed(cursor.take_until(','));
  if (cursor.at_end() || range.size() > kLongestRange) return std::nullopt;
  const auto level = trimmed(cursor.take_until(','));
  return DatLine{without_padding(range), level, trimmed(cursor.rest())};
}

class DatFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "dat"; }
  std::string_view title() const noexcept override {
    return "eMule ipfilter.dat, first - last , level , name";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHashLines, [](std::string_view line) {
      const auto parts = split(line);
      return parts && looks_like_range(parts->range) && read_number(parts->level);
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size() / 2);
    for (ListLines lines(text, Comments::kHashLines); lines.next();)
      read_line(lines.text(), lines.number(), source.file, content);
    return content;
  }

 private:
  static void read_line(std::string_view line, uint32_t number, const std::string& file,
                        ListContent& content) {
    const auto parts = split(line);
    if (!parts)
      return content.skip(file, number, quoted(line) + " is not first - last , level , name");
    std::string why;
    const auto range = read_range(parts->range, &why);
    if (!range) return content.skip(file, number, why);
    const auto level = read_number(parts->level);
    if (!level || *level > kLastLevel)
      return content.skip(file, number, quoted(parts->level) + " is not a level from 0 to 255");
    if (*level > kLastBlocked)
      return content.remark(file, number,
                            "level " + std::string(parts->level) + " allows " + range->to_string() +
                                ", so it is not in the list");
    content.add(*range, number, content.notes.number_of_text(parts->name));
  }
};

}  // namespace

const ListFormat& dat_format() {
  static const DatFormat format;
  return format;
}

}  // namespace postern
