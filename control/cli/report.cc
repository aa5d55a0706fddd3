// SPDX-License-Identifier: BSD-3-Clause
//
// Lists and complaints as text and as JSON; see report.h.
#include "control/cli/report.h"

#include <cstdio>
#include <string>

#include "control/cli/printable.h"
#include "control/cli/table.h"

namespace postern::cli {

// Line by line; with the tabs that bring the caret beneath what it points at.
void print_diagnostic(std::ostream& out, const Diagnostic& diagnostic) {
  const auto text = diagnostic.to_string();
  for (std::string_view rest = text; !rest.empty();) {
    const auto part = rest.substr(0, rest.find_first_of("\n\t"));
    out << printable(part);
    rest.remove_prefix(part.size());
    if (rest.empty()) break;
    out << rest.front();
    rest.remove_prefix(1);
  }
  out << '\n';
}

boost::json::array diagnostics_json(const std::vector<Diagnostic>& diagnostics) {
  boost::json::array array;
  for (const auto& diagnostic : diagnostics) {
    boost::json::object object{{"file", json_text(diagnostic.file)}};
    if (diagnostic.line > 0) object["line"] = diagnostic.line;
    if (diagnostic.column > 0) object["column"] = diagnostic.column;
    object["message"] = json_text(diagnostic.message);
    array.push_back(std::move(object));
  }
  return array;
}

boost::json::array lists_json(const std::vector<ListReport>& lists) {
  boost::json::array array;
  for (const auto& list : lists)
    array.push_back(boost::json::object{{"name", json_text(list.name)},
                                        {"file", json_text(list.file)},
                                        {"format", json_text(list.format)},
                                        {"entries", list.entries},
                                        {"skipped", list.skipped},
                                        {"recognised", list.recognised},
                                        {"unchanged", list.unchanged},
                                        {"kept_previous", list.kept_previous},
                                        {"expired", list.expired},
                                        {"stale", list.stale}});
  return array;
}

namespace {

std::string note(const ListReport& list) {
  std::string note;
  const auto add = [&](bool holds, const char* what) {
    if (holds) note += (note.empty() ? "" : "; ") + std::string(what);
  };
  add(list.kept_previous, "refused, the last good one stays");
  add(list.unchanged, "unchanged");
  add(list.expired, "expired, counts as empty");
  add(list.stale && !list.expired, "stale");
  return note;
}

std::string seconds_text(std::chrono::duration<double> time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f s", time.count());
  return text;
}

}  // namespace

std::string timing_text(const CompileResult& result) {
  return "read in " + seconds_text(result.reading) + ", compiled in " +
         seconds_text(result.compiling);
}

boost::json::object timing_json(const CompileResult& result) {
  return {{"reading", result.reading.count()}, {"compiling", result.compiling.count()}};
}

void print_lists(std::ostream& out, const std::vector<ListReport>& lists) {
  if (lists.empty()) return;
  Table table(
      {Table::kLeft, Table::kLeft, Table::kRight, Table::kRight, Table::kLeft, Table::kLeft});
  table.row({"list", "format", "entries", "skipped", "file", ""});
  for (const auto& list : lists)
    table.row({list.name, list.format + (list.recognised ? " (recognised)" : ""),
               grouped(list.entries), grouped(list.skipped), list.file, note(list)});
  table.print(out, 0);
}

}  // namespace postern::cli
