// SPDX-License-Identifier: BSD-3-Clause
//
// Replies and logs name a table by the last part of its path: where it lies is the site's affair.
#include "control/policy/name_classes.h"

#include <filesystem>
#include <optional>

namespace postern::policy {
namespace {

using names::NameClassifier;
using names::PcreTable;
using names::TableMatcher;

constexpr size_t kMaxName = 253;

std::string printable(std::string_view name) {
  std::string text(name.substr(0, kMaxName));
  for (char& c : text)
    if (c <= ' ' || c > '~') c = '?';
  return text;
}

std::string place_text(const NameClassifier::Place& place) {
  return std::filesystem::path(place.table->file).filename().string() + ':' +
         std::to_string(place.rule->line);
}

PcreTable exceptions_of(const NameTableOptions& options) {
  if (options.exceptions == "none") return PcreTable::parse("", "none");
  if (!options.exceptions.empty()) return PcreTable::load(options.exceptions);
  return PcreTable::parse(NameClassifier::built_in_exceptions(), "built-in");
}

}  // namespace

ClassedName unclassed(std::string_view name) {
  return {.name = printable(name)};
}

ClassedName NameClasses::classify(std::string_view name) {
  const auto seen = classifier_.classify(name, scratch_);
  ClassedName classed = unclassed(name);
  classed.name_class = seen.name_class;
  if (seen.exception.table != nullptr)
    classed.place = place_text(seen.exception);
  else if (seen.match.table != nullptr)
    classed.place = place_text(seen.match);
  return classed;
}

std::unique_ptr<NameClasses> load_name_classes(const NameTableOptions& options,
                                               std::vector<std::string>& complaints) {
  std::optional<names::DatabaseCache> cache;
  if (!options.cache.empty()) cache.emplace(options.cache);
  const auto matcher_of = [&](PcreTable table) {
    for (const auto& warning : table.warnings) complaints.push_back(warning.to_string());
    TableMatcher matcher(std::move(table), cache ? &*cache : nullptr);
    if (const auto complaint = matcher.cache_complaint(); !complaint.empty())
      complaints.push_back("cache: " + complaint);
    return matcher;
  };
  std::vector<names::ClassifiedTable> tables;
  for (const auto& file : options.tables)
    tables.push_back({.matcher = matcher_of(PcreTable::load(file)),
                      .against = options.against,
                      .marked = options.marked.empty() ? options.against : options.marked});
  NameClassifier classifier(std::move(tables), matcher_of(exceptions_of(options)));
  return std::make_unique<NameClasses>(std::move(classifier), options.contact);
}

}  // namespace postern::policy
