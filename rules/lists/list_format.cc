// SPDX-License-Identifier: BSD-3-Clause
//
// The registry of list formats, and the complaints that their readers have in common. A new format
// is one file, one line in formats.h and one line here.
#include "rules/lists/list_format.h"

#include "rules/lists/formats.h"

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

}  // namespace postern
