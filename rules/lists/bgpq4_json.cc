// SPDX-License-Identifier: BSD-3-Clause
//
// Format bgpq4-json: what `bgpq4 -j` prints, one JSON object of lists, each an array of objects
// with the prefix in "prefix". The list's name is the value of its entries. What says which routes
// are meant ("exact", "greater-equal", "less-equal") is passed over: the prefix counts with all its
// addresses.
#include <boost/json.hpp>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/json_records.h"
#include "rules/lists/list_lines.h"

namespace postern {
namespace {

const boost::json::value* prefix_of(const JsonRecord& record) {
  const auto* object = record.element ? record.value.if_object() : nullptr;
  const auto* prefix = object ? object->if_contains("prefix") : nullptr;
  return prefix && prefix->is_string() ? prefix : nullptr;
}

class Bgpq4JsonFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "bgpq4-json"; }
  std::string_view title() const noexcept override { return "bgpq4 -j, JSON"; }

  Fit fit(std::string_view text) const override {
    ListLines lines(text, Comments::kNone);
    if (!lines.next() || lines.text().front() != '{') return {};
    Fit fit;
    try {
      read_json_records(text, {}, [&](const JsonRecord& record) {
        fit.lines++;
        if (prefix_of(record)) fit.read++;
      });
    } catch (const BadInput&) {
      return {};
    }
    return fit;
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    read_json_records(text, source.file, [&](const JsonRecord& record) {
      const auto* text_of = prefix_of(record);
      std::string why = "there is no string \"prefix\" in this record";
      const auto prefix =
          text_of ? read_prefix(text_of->get_string(), &why) : std::optional<Prefix>();
      if (prefix)
        content.add(*prefix, record.line,
                    content.notes.number_of({.word = std::string(record.member)}));
      else
        content.skip(source.file, record.line, why);
    });
    return content;
  }
};

}  // namespace

const ListFormat& bgpq4_json_format() {
  static const Bgpq4JsonFormat format;
  return format;
}

}  // namespace postern
