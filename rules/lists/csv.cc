// SPDX-License-Identifier: BSD-3-Clause
//
// Format csv: rows under a header that names the columns (rules/lists/csv_rows.h). One column has
// the addresses, or two have the first and the last; others say why and until when; those that are
// not known here are passed over.
#include <algorithm>
#include <array>

#include "rules/address/range_text.h"
#include "rules/lists/csv_rows.h"
#include "rules/lists/formats.h"
#include "rules/text/number.h"
#include "rules/text/quoted.h"
#include "rules/text/timestamp.h"

namespace postern {
namespace {

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

// Where in a row is what. Of columns that say the same, the first counts.
class Columns {
 public:
  explicit Columns(const std::vector<std::string>& header) : count_(header.size()) {
    const auto find = [&](std::initializer_list<std::string_view> names) -> std::optional<size_t> {
      for (size_t i = 0; i < header.size(); i++)
        if (std::ranges::find(names, lower_case(header[i])) != names.end()) return i;
      return std::nullopt;
    };
    address = find({"address", "ip", "cidr", "prefix", "network"});
    start = find({"start"});
    end = find({"end"});
    category = find({"category"});
    weight = find({"weight", "score"});
    expiry = find({"expiry", "expires", "valid_until"});
    comment = find({"comment", "description"});
  }
  bool have_addresses() const { return address || (start && end); }
  size_t count() const { return count_; }

  std::optional<size_t> address, start, end, category, weight, expiry, comment;

 private:
  size_t count_;
};

std::string names_of(const std::vector<std::string>& header) {
  constexpr size_t kShown = 3;
  std::string names;
  for (size_t i = 0; i < std::min(header.size(), kShown); i++)
    names += (i > 0 ? ", " : "") + quoted(header[i]);
  return names + (header.size() > kShown ? ", ..." : "");
}

// One row under its header, or what is wrong with it.
class Row {
 public:
  Row(const CsvRows& rows, const Columns& columns) : rows_(rows), columns_(columns) {}

  std::optional<AddressRange> range(std::string* why) const {
    if (rows_.misquoted()) {
      *why = "something follows a closing quote in this row";
    } else if (rows_.fields().size() != columns_.count()) {
      *why = "this row has " + std::to_string(rows_.fields().size()) + " fields, but the header " +
             std::to_string(columns_.count());
    } else if (columns_.address) {
      return read_range(text(columns_.address), why);
    } else {
      return read_range(text(columns_.start), text(columns_.end), why);
    }
    return std::nullopt;
  }

  std::optional<EntryNote> note(std::string* why) const {
    EntryNote note{.word = std::string(text(columns_.category)),
                   .text = std::string(text(columns_.comment))};
    if (const auto weight = text(columns_.weight); !weight.empty()) {
      note.number = read_number(weight);
      if (!note.number) *why = quoted(weight) + " is not a weight";
      if (!note.number) return std::nullopt;
    }
    if (const auto expiry = text(columns_.expiry); !expiry.empty()) {
      const auto time = parse_time(expiry);
      if (!time) *why = quoted(expiry) + " is neither Unix seconds nor a time as in RFC 3339";
      if (!time) return std::nullopt;
      note.expires_at = *time;
    }
    return note;
  }

 private:
  std::string_view text(std::optional<size_t> column) const {
    return column ? std::string_view(rows_.fields()[*column]) : std::string_view();
  }
  const CsvRows& rows_;
  const Columns& columns_;
};

class CsvFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "csv"; }
  std::string_view title() const noexcept override {
    return "CSV with a header that names the columns";
  }

  Fit fit(std::string_view text) const override {
    CsvRows rows(text);
    if (!rows.next()) return {};
    const Columns columns(rows.fields());
    if (!columns.have_addresses()) return {};
    Fit fit{.lines = 1, .read = 1};
    for (; rows.next(); fit.lines++)
      if (rows.fields().size() == columns.count()) fit.read++;
    return fit;
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    const auto refuse = [&](uint32_t line, const std::string& message) {
      throw BadInput(Diagnostic{.file = source.file, .line = line, .message = message});
    };
    ListContent content;
    CsvRows rows(text);
    if (!rows.next()) return content;
    const Columns columns(rows.fields());
    if (!columns.have_addresses())
      refuse(
          rows.number(),
          "the header names no column of addresses (address, ip, cidr, prefix, network, or start "
          "and end); it has " +
              names_of(rows.fields()));
    std::string why;
    while (rows.next()) {
      if (rows.unclosed())
        refuse(rows.number(), "a quote opens in this row and never closes; is the file truncated?");
      const Row row(rows, columns);
      const auto range = row.range(&why);
      auto note = range ? row.note(&why) : std::nullopt;
      if (note)
        content.add(*range, rows.number(), content.notes.number_of(std::move(*note)));
      else
        content.skip(source.file, rows.number(), why);
    }
    return content;
  }
};

}  // namespace

const ListFormat& csv_format() {
  static const CsvFormat format;
  return format;
}

}  // namespace postern
