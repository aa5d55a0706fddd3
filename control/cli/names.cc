// SPDX-License-Identifier: BSD-3-Clause
//
// `postern names`: which names a table of patterns takes for those of dynamic addresses, and why;
// what of the table Hyperscan cannot take (control/names/name_classifier.h).
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <optional>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/table.h"
#include "control/names/name_classifier.h"

namespace postern::cli {
namespace {

using names::NameClassifier;
using names::PcreTable;
using names::TableMatcher;

void declare(OptionSet& options) {
  options.add_operand("FILE");
  options.add_operands("NAME");
  options.add_texts("then", "FILE",
                    "another table, asked where those before say nothing; may be\nrepeated");
  options.add_text("class", "WORD", "what names are called that a table refuses (default dynamic)");
  options.add_text("marked", "WORD",
                   "and those of PREPEND, WARN, INFO and BCC (default as --class)");
  options.add_text(
      "exceptions", "FILE",
      "a table of names that are static whatever the others say, or\n`none` (default the "
      "built-in words: static, mail, mx, smtp, ...)");
  options.add_text("cache", "DIR", "keep compiled tables in this folder");
  options.add_flag("verbose,v", "tell of every table what was read, and what PCRE2 has to do");
}

std::string class_of(const Invocation& invocation, const char* option, std::string otherwise) {
  const auto word = invocation.text(option).value_or(std::move(otherwise));
  if (!names::is_class_name(word))
    throw WrongUsage("'" + word + "' is no class: letters, digits and hyphens, a letter first");
  return word;
}

// What the tables leave to say besides: warnings, and a cache that is of no use.
TableMatcher matcher_of(PcreTable table, names::DatabaseCache* cache) {
  for (const auto& warning : table.warnings) print_diagnostic(std::cerr, warning);
  TableMatcher matcher(std::move(table), cache);
  if (const auto complaint = matcher.cache_complaint(); !complaint.empty())
    std::cerr << "postern names: cache: " << printable(complaint) << '\n';
  return matcher;
}

PcreTable exceptions_of(const Invocation& invocation) {
  const auto file = invocation.text("exceptions");
  if (file == "none") return PcreTable::parse("", "none");
  if (file) return PcreTable::load(*file);
  return PcreTable::parse(NameClassifier::built_in_exceptions(), "built-in");
}

NameClassifier classifier_of(const Invocation& invocation) {
  const auto against = class_of(invocation, "class", std::string(names::kDynamic));
  const auto marked = class_of(invocation, "marked", against);
  auto files = invocation.texts("then");
  files.insert(files.begin(), invocation.required("FILE", "the table"));
  std::optional<names::DatabaseCache> cache;
  if (const auto folder = invocation.text("cache")) cache.emplace(*folder);
  auto* kept = cache ? &*cache : nullptr;
  std::vector<names::ClassifiedTable> tables;
  for (const auto& file : files)
    tables.push_back(
        {.matcher = matcher_of(PcreTable::load(file), kept), .against = against, .marked = marked});
  return NameClassifier(std::move(tables), matcher_of(exceptions_of(invocation), kept));
}

// One `-` stands for the lines of standard input.
std::vector<std::string> names_of(const Invocation& invocation) {
  auto given = invocation.texts("NAME");
  if (given != std::vector<std::string>{"-"}) return given;
  given.clear();
  for (std::string line; std::getline(std::cin, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) given.push_back(line);
  }
  return given;
}

std::vector<const TableMatcher*> matchers_of(const NameClassifier& classifier) {
  std::vector<const TableMatcher*> matchers;
  for (const auto& table : classifier.tables()) matchers.push_back(&table.matcher);
  matchers.push_back(&classifier.exceptions());
  return matchers;
}

void print_tables(const NameClassifier& classifier) {
  for (const auto* matcher : matchers_of(classifier)) {
    const auto fallbacks = matcher->fallbacks();
    std::cout << printable(matcher->table().file) << "  "
              << counted(matcher->size(), "pattern", "patterns") << ", "
              << counted(fallbacks.size(), "is", "are") << " left to PCRE2, "
              << (matcher->is_cached() ? "from the cache" : "compiled") << '\n';
    Table table({Table::kRight, Table::kLeft, Table::kLeft, Table::kLeft});
    for (const auto& fallback : fallbacks)
      table.row({std::to_string(fallback.line), fallback.pattern,
                 fallback.prefiltered ? "prefiltered" : "every name", fallback.reason});
    table.print(std::cout, 2);
  }
}

std::string place_text(const NameClassifier::Place& place) {
  return place.table->file + ':' + std::to_string(place.rule->line);
}

std::string pattern_text(const names::PcreRule& rule) {
  return (rule.negated ? "!" : "") + rule.pattern.text();
}

// A result as one line of a cell: tables have tabs between its words.
std::string result_text(std::string result) {
  std::ranges::replace(result, '\t', ' ');
  return result;
}

std::vector<std::string> row_of(const std::string& name,
                                const NameClassifier::Classification& seen) {
  std::vector<std::string> row = {name, std::string(seen.name_class)};
  const auto add = [&](std::string place, std::string pattern, std::string why) {
    row.insert(row.end(), {std::move(place), std::move(pattern), std::move(why)});
  };
  if (seen.too_long)
    add("", "", "longer than " + std::to_string(NameClassifier::kMaxName) + " bytes");
  else if (seen.match.table == nullptr)
    add("", "", "no pattern matches");
  else if (seen.exception.table != nullptr)
    add(place_text(seen.exception), pattern_text(*seen.exception.rule),
        "an exception to " + place_text(seen.match) + ", " + result_text(seen.match.result));
  else
    add(place_text(seen.match), pattern_text(*seen.match.rule), result_text(seen.match.result));
  return row;
}

// {"file", "line", "pattern", "result"}, or null.
boost::json::value json_of(const NameClassifier::Place& place) {
  if (place.table == nullptr) return nullptr;
  return boost::json::object{{"file", json_text(place.table->file)},
                             {"line", place.rule->line},
                             {"pattern", json_text(pattern_text(*place.rule))},
                             {"result", json_text(place.result)}};
}

boost::json::array tables_json(const NameClassifier& classifier) {
  boost::json::array tables;
  for (const auto* matcher : matchers_of(classifier)) {
    boost::json::array fallbacks;
    for (const auto& fallback : matcher->fallbacks())
      fallbacks.push_back({{"line", fallback.line},
                           {"pattern", json_text(fallback.pattern)},
                           {"prefiltered", fallback.prefiltered},
                           {"reason", json_text(fallback.reason)}});
    tables.push_back({{"file", json_text(matcher->table().file)},
                      {"patterns", matcher->size()},
                      {"cached", matcher->is_cached()},
                      {"fallbacks", std::move(fallbacks)}});
  }
  return tables;
}

int run(const Invocation& invocation) {
  const auto classifier = classifier_of(invocation);
  const auto given = names_of(invocation);
  NameClassifier::Scratch scratch(classifier);
  Table table(std::vector<Table::Align>(5, Table::kLeft));
  boost::json::array classified;
  for (const auto& name : given) {
    const auto seen = classifier.classify(name, scratch);
    if (invocation.json())
      classified.push_back({{"name", json_text(name)},
                            {"class", seen.name_class},
                            {"match", json_of(seen.match)},
                            {"exception", json_of(seen.exception)}});
    else
      table.row(row_of(name, seen));
  }
  if (invocation.json()) {
    std::cout << boost::json::serialize(boost::json::object{{"tables", tables_json(classifier)},
                                                            {"names", std::move(classified)},
                                                            {"faults", scratch.faults()}})
              << '\n';
    return kFine;
  }
  if (invocation.flag("verbose") || invocation.texts("NAME").empty()) print_tables(classifier);
  table.print(std::cout, 0);
  if (scratch.faults() > 0)
    std::cerr << "postern names: " << counted(scratch.faults(), "pattern was", "patterns were")
              << " given up as too slow, or for octets that are no UTF-8\n";
  return kFine;
}

}  // namespace

const Command kNamesCommand = {
    "names",
    "Classifies host names by tables of patterns",
    "FILE [NAME... | -] [--then FILE]... [--exceptions FILE] [-v]",
    "FILE is a Postfix pcre_table. - reads names from standard input, one a line. Without names,\n"
    "the tables are only looked at. Whatever the names are, the exit status is 0; it is 1 when a\n"
    "table is bad.\n",
    declare,
    run,
};

}  // namespace postern::cli
