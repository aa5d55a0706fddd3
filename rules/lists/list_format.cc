// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of list formats, and the complaints that their readers have in common. A new format
// is one file, one line in formats.h and one line here.
#include "rules/lists/list_format.h"

#include "rules/lists/formats.h"
#include "rules/text/quoted.h"

namespace postern {

const std::vector<const ListFormat*>& list_formats() {
  static const std::vector<const ListFormat*> formats = {
      &cidr_format(),
      &drop_format(),
      &domains_format(),
  };
  return formats;
}

const ListFormat* find_list_format(std::string_view name) {
  for (const auto* format : list_formats())
    if (format->name() == name) return format;
  return nullptr;
}

void skip_line(ListContent& content, const std::string& file, uint32_t line, std::string message) {
  content.skipped_count++;
  if (content.skipped.size() < ListContent::kMaxKept)
    content.skipped.push_back({.file = file, .line = line, .message = std::move(message)});
}

namespace {

// An octet such as "012", which some programs read as octal: in a dotted quad, a part of more than
// one digit that begins with 0.
bool has_leading_zero(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return false;
  bool octet_starts = true;
  for (size_t i = 0; i + 1 < text.size() && text[i] != '/'; i++) {
    const bool digit_follows = text[i + 1] >= '0' && text[i + 1] <= '9';
    if (octet_starts && text[i] == '0' && digit_follows) return true;
    octet_starts = text[i] == '.';
  }
  return false;
}

}  // namespace

std::optional<Prefix> read_list_prefix(std::string_view text, std::string* why) {
  if (const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse)) return prefix;
  if (const auto masked = Prefix::parse(text, Prefix::HostBits::kMask))
    *why =
        quoted(text) + " has bits set behind its length; did it mean " + masked->to_string() + '?';
  else if (has_leading_zero(text))
    *why = quoted(text) + " has an octet with a leading zero, which some would read as octal";
  else
    *why = quoted(text) + " is not an address or a prefix";
  return std::nullopt;
}

}  // namespace postern
