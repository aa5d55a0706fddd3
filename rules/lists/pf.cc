// SPDX-License-Identifier: BSD-3-Clause
//
// Format pf: the file of a table of OpenBSD's pf (pf.conf(5), "Tables"): addresses and prefixes
// between blanks, several on a line or one; `!` in front makes an exclusion, and of those that have
// an address the most specific decides; `#` comments. As pfctl does, bits behind a length are
// masked away, and leading octets with a length ("10.1/16") are a prefix. Host and interface names,
// which pfctl resolves when it loads, are bad lines.
#include "rules/address/octets_text.h"
#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

// "10.1/16" as "10.1.0.0/16"; all others as they are.
std::string with_all_octets(std::string_view text) {
  std::string why;
  const auto slash = text.find('/');
  const auto octets =
      slash == std::string_view::npos ? std::nullopt : read_octets(text.substr(0, slash), &why);
  if (!octets) return std::string(text);
  return octets->first().to_string() + std::string(text.substr(slash));
}

// Masked: what has bits behind its length loses them.
std::optional<Prefix> read_table_entry(std::string_view text, std::string* why) {
  const auto whole = with_all_octets(text);
  if (const auto masked = Prefix::parse(whole, Prefix::HostBits::kMask))
    return read_prefix(masked->to_string(), why);
  static_cast<void>(read_prefix(whole, why));  // which says what is wrong
  const bool name = text.find_first_not_of("0123456789abcdefABCDEF.:/") != std::string_view::npos;
  if (name) *why = quoted(text) + " is not an address or a prefix; names are not resolved here";
  return std::nullopt;
}

class PfFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "pf"; }
  std::string_view title() const noexcept override {
    return "OpenBSD pf table: addresses and prefixes, ! exclusions, # comments";
  }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kHash, [](std::string_view line) {
      bool all = true;
      for (Cursor cursor(line); !cursor.at_end();) {
        cursor.accept('!');
        const auto word = take_word(cursor);
        all = all && Prefix::parse(with_all_octets(word), Prefix::HostBits::kMask);
      }
      return all;
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    content.expect(text.size());
    std::string why;
    for (ListLines lines(text, Comments::kHash); lines.next();) {
      for (Cursor cursor(lines.text()); !cursor.at_end();) {
        const bool excluded = cursor.accept('!');
        const auto word = take_word(cursor);
        const auto prefix = read_table_entry(word, &why);
        if (!prefix) {
          content.skip(source.file, lines.number(), why);
          continue;
        }
        content.add(
            *prefix, lines.number(),
            content.notes.number_of({.text = std::string(lines.comment()), .excluded = excluded}));
      }
    }
    return content;
  }
};

}  // namespace

const ListFormat& pf_format() {
  static const PfFormat format;
  return format;
}

}  // namespace postern
