// SPDX-License-Identifier: BSD-3-Clause
//
// Format drop: Spamhaus DROP as JSON lines, one object per line with the prefix in "cidr", and at
// the end one object of "type" "metadata" whose "records" says how many there were. The trailer is
// what makes a half-fetched file recognisable: without it, or with one that disagrees, the file is
// refused as a whole. Members that are not used here (sblid, rir, ...) may be anything.
#include <boost/json.hpp>

#include "rules/address/prefix_text.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

namespace json = boost::json;

// One line as an object; nullopt when it does not begin with one. `*behind` is what follows it.
// Deep nesting has no place in this format.
std::optional<json::object> parse_object(std::string_view line, std::string_view* behind) {
  json::parse_options options;
  options.max_depth = 4;
  json::stream_parser parser({}, options);
  json::error_code error;
  *behind = line.substr(parser.write_some(line.data(), line.size(), error));
  if (error || !parser.done()) return std::nullopt;
  auto value = parser.release();
  if (!value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

bool is_trailer(const json::object& object) {
  const auto* type = object.if_contains("type");
  return type && type->is_string() && type->get_string() == "metadata";
}

[[noreturn]] void refuse(const std::string& file, uint32_t line, std::string message) {
  throw BadInput(Diagnostic{.file = file, .line = line, .message = std::move(message)});
}

class DropFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "drop"; }
  std::string_view title() const noexcept override { return "Spamhaus DROP, JSON lines"; }

  Fit fit(std::string_view text) const override {
    return fit_of_lines(text, Comments::kNone, [](std::string_view line) {
      return line.starts_with('{') && line.ends_with('}') &&
             (line.find("\"cidr\"") != std::string_view::npos ||
              line.find("\"metadata\"") != std::string_view::npos);
    });
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    const auto& file = source.file;
    ListContent content;
    uint64_t records = 0;
    std::optional<json::object> trailer;
    uint32_t trailer_line = 0;
    for (ListLines lines(text, Comments::kNone); lines.next();) {
      if (trailer) refuse(file, lines.number(), "something follows the metadata line");
      std::string_view behind;
      auto object = parse_object(lines.text(), &behind);
      if (object && is_trailer(*object)) {
        // Were it read as a damaged record, a file cut short here could pass for a whole one.
        if (!behind.empty()) refuse(file, lines.number(), "something follows the metadata");
        trailer = std::move(object);
        trailer_line = lines.number();
        continue;
      }
      records++;
      if (object && behind.empty())
        read_record(*object, content, file, lines.number());
      else
        content.skip(file, lines.number(), quoted(lines.text()) + " is not a JSON object");
    }
    if (!trailer)
      refuse(file, 0, "the metadata line that ends a DROP file is missing; is the file truncated?");
    check_trailer(*trailer, records, file, trailer_line);
    return content;
  }

 private:
  // The number under which Spamhaus says why.
  static std::string listing_of(const json::object& object) {
    const auto* sblid = object.if_contains("sblid");
    return sblid && sblid->is_string() ? std::string(sblid->get_string()) : std::string();
  }

  static void read_record(const json::object& object, ListContent& content, const std::string& file,
                          uint32_t line) {
    const auto* cidr = object.if_contains("cidr");
    if (!cidr || !cidr->is_string())
      return content.skip(file, line, "there is no string \"cidr\" in this object");
    std::string why;
    if (const auto prefix = read_prefix(cidr->get_string(), &why))
      content.add(*prefix, line, content.notes.number_of({.text = listing_of(object)}));
    else
      content.skip(file, line, why);
  }

  static void check_trailer(const json::object& trailer, uint64_t records, const std::string& file,
                            uint32_t line) {
    const auto* promised = trailer.if_contains("records");
    if (!promised || !promised->is_int64() || promised->get_int64() < 0)
      refuse(file, line, "the metadata line has no number \"records\"");
    if (static_cast<uint64_t>(promised->get_int64()) != records)
      refuse(file, line,
             "the metadata line says " + std::to_string(promised->get_int64()) +
                 " records, but there are " + std::to_string(records) + "; is the file damaged?");
  }
};

}  // namespace

const ListFormat& drop_format() {
  static const DropFormat format;
  return format;
}

}  // namespace postern
