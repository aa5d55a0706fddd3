// SPDX-License-Identifier: BSD-3-Clause
//
// Tables and JSON (control/cli/rule_counts.h).
#include "control/cli/rule_counts.h"

#include <boost/json/array.hpp>
#include <string>

#include "control/cli/table.h"
#include "rules/text/json_text.h"

namespace postern::cli {

boost::json::object to_json(const std::vector<AttemptWindow>& attempts) {
  boost::json::object windows;
  for (const auto& window : attempts)
    windows[json_text(window.name)] = {
        {"seconds", window.seconds}, {"judged", window.judged}, {"stopped", window.stopped}};
  return windows;
}

namespace {

// Of attempts, those that were stopped.
std::string share(uint64_t stopped, uint64_t attempts) {
  if (attempts == 0) return "-";
  const auto tenths = (stopped * 1000 + attempts / 2) / attempts;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + "%";
}

void print_groups(std::ostream& out, const char* title,
                  const std::vector<EngineRules::Group>& groups) {
  if (groups.empty()) return;
  std::vector<std::string> head = {title, "attempts", "stopped", ""};
  for (const auto& window : groups.front().windows) head.push_back(window.name);
  std::vector<Table::Align> columns(head.size(), Table::kRight);
  columns.front() = Table::kLeft;
  Table table(columns);
  table.row(head);
  for (const auto& group : groups) {
    std::vector<std::string> cells = {group.name, grouped(group.attempts), grouped(group.stopped),
                                      share(group.stopped, group.attempts)};
    for (const auto& window : group.windows) cells.push_back(share(window.stopped, window.judged));
    table.row(cells);
  }
  table.print(out, 2);
  out << '\n';
}

boost::json::array to_json(const std::vector<EngineRules::Group>& groups, bool lists) {
  boost::json::array array;
  for (const auto& group : groups) {
    boost::json::object object;
    if (lists) object["list"] = json_text(group.name);
    object["category"] = json_text(group.category);
    object["attempts"] = group.attempts;
    object["stopped"] = group.stopped;
    if (!lists) object["windows"] = to_json(group.windows);
    array.push_back(std::move(object));
  }
  return array;
}

}  // namespace

void print(std::ostream& out, const EngineRules& rules) {
  print_groups(out, "list", rules.lists);
  print_groups(out, "category", rules.categories);
  if (!rules.rules.empty()) {
    Table table({Table::kLeft, Table::kRight, Table::kLeft});
    table.row({"rule", "attempts", ""});
    for (const auto& rule : rules.rules)
      table.row({rule.file + ":" + std::to_string(rule.line), grouped(rule.attempts), rule.rule});
    table.print(out, 2);
    out << '\n';
  }
  if (!rules.signatures.empty()) {
    Table table({Table::kLeft, Table::kRight});
    table.row({"signature", "hits"});
    for (const auto& [name, hits] : rules.signatures) table.row({name, grouped(hits)});
    table.print(out, 2);
    out << '\n';
  }
}

boost::json::object to_json(const EngineRules& rules) {
  boost::json::array judged, signatures;
  for (const auto& rule : rules.rules)
    judged.push_back(boost::json::object{{"file", json_text(rule.file)},
                                         {"line", rule.line},
                                         {"rule", json_text(rule.rule)},
                                         {"observed", rule.observed},
                                         {"attempts", rule.attempts}});
  for (const auto& [name, hits] : rules.signatures)
    signatures.push_back(boost::json::object{{"signature", json_text(name)}, {"hits", hits}});
  return {{"lists", to_json(rules.lists, true)},
          {"categories", to_json(rules.categories, false)},
          {"rules", std::move(judged)},
          {"signatures", std::move(signatures)}};
}

}  // namespace postern::cli
