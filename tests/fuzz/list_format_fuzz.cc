// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a list of the format postern_list_format (one target for each format, linked with
// its name): refused whole, or every entry is a range at a line that the text has, with a note
// that there is, and every complaint is short. Reading twice gives the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "rules/lists/list_format.h"

using namespace postern;

extern "C" const char postern_list_format[];

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

std::optional<ListContent> read(const ListFormat& format, std::string_view text) {
  try {
    return format.read(text, {.file = "fuzz", .modified_at = 1'700'000'000});
  } catch (const BadInput& refused) {
    for (const auto& diagnostic : refused.diagnostics()) require(diagnostic.message.size() < 300);
    return std::nullopt;
  }
}

template <typename Entries>
void check_entries(const Entries& entries, size_t lines, size_t notes) {
  for (const auto& entry : entries)
    require(entry.first <= entry.last && entry.line >= 1 && entry.line <= lines &&
            entry.note < notes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto* format = find_list_format(postern_list_format);
  require(format != nullptr);
  const auto fit = format->fit(text);
  require(fit.read <= fit.lines);
  const auto content = read(*format, text);
  if (!content) return 0;
  const auto lines = static_cast<size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  check_entries(content->v4, lines, content->notes.all().size());
  check_entries(content->v6, lines, content->notes.all().size());
  for (const auto* kept : {&content->skipped, &content->remarks})
    for (const auto& diagnostic : *kept) require(diagnostic.to_string().size() < 300);
  require(content->skipped.size() <= content->skipped_count);
  const auto again = read(*format, text);
  require(again && again->v4 == content->v4 && again->v6 == content->v6 &&
          again->notes.all() == content->notes.all());
  return 0;
}
