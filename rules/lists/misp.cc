// SPDX-License-Identifier: BSD-3-Clause
//
// Format misp: a MISP warninglist, one JSON object with the records in "list" and what they are in
// "type". Of type "cidr" they are addresses and prefixes, of type "hostname" domains; the others
// (string, substring, regex) are no facts about senders, and the file is refused.
#include <algorithm>
#include <boost/json.hpp>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/json_records.h"
#include "rules/lists/list_lines.h"
#include "rules/text/domain_name.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

// "type" comes behind "list" as a rule, so the records wait for it.
struct Warninglist {
  struct Record {
    std::optional<std::string> text;  // nullopt: it is no string
    uint32_t line;
  };
  std::vector<Record> records;
  std::optional<std::string> type;
};

Warninglist parse(std::string_view text, const std::string& file) {
  Warninglist list;
  read_json_records(text, file, [&](const JsonRecord& record) {
    const auto* string = record.value.if_string();
    if (record.member == "type" && !record.element && string) {
      list.type = std::string(*string);
    } else if (record.member == "list" && record.element) {
      list.records.push_back({std::nullopt, record.line});
      if (string) list.records.back().text = std::string(*string);
    }
  });
  return list;
}

class MispFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "misp"; }
  std::string_view title() const noexcept override { return "MISP warninglist, JSON"; }

  Fit fit(std::string_view text) const override {
    ListLines lines(text, Comments::kNone);
    if (!lines.next() || lines.text().front() != '{') return {};
    try {
      const auto list = parse(text, {});
      if (!list.type) return {};
      const auto strings = std::ranges::count_if(
          list.records, [](const auto& record) { return record.text.has_value(); });
      return {.lines = list.records.size(), .read = static_cast<uint64_t>(strings)};
    } catch (const BadInput&) {
      return {};
    }
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    const auto list = parse(text, source.file);
    const auto refuse = [&](const std::string& message) {
      throw BadInput(Diagnostic{.file = source.file, .message = message});
    };
    if (!list.type) refuse("has no \"type\" that says what its records are");
    const bool prefixes = list.type == "cidr";
    if (!prefixes && list.type != "hostname")
      refuse("is a warninglist of type " + quoted(*list.type) +
             "; only \"cidr\" and \"hostname\" say something about senders");
    for (const auto& record : list.records) {
      if (!record.text)
        content.skip(source.file, record.line, "this record is not a string");
      else if (prefixes)
        add_prefix(*record.text, record.line, source.file, content);
      else
        add_domain(*record.text, record.line, source.file, content);
    }
    return content;
  }

 private:
  static void add_prefix(std::string_view text, uint32_t line, const std::string& file,
                         ListContent& content) {
    std::string why;
    if (const auto prefix = read_prefix(text, &why))
      content.add(*prefix, line);
    else
      content.skip(file, line, why);
  }
  static void add_domain(std::string_view text, uint32_t line, const std::string& file,
                         ListContent& content) {
    std::string why;
    if (auto domain = canonical_domain(text, &why))
      content.domains.push_back({std::move(*domain), line});
    else
      content.skip(file, line, why);
  }
};

}  // namespace

const ListFormat& misp_format() {
  static const MispFormat format;
  return format;
}

}  // namespace postern
