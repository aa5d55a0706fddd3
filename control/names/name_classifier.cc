// SPDX-License-Identifier: BSD-3-Clause
//
// The order of asking (control/names/name_classifier.h), and the exceptions that are built in.
#include "control/names/name_classifier.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace postern::names {
namespace {

NameClassifier::Place place_of(const TableMatcher& matcher, uint32_t rule, std::string_view name) {
  return {&matcher.table(), &matcher.table().rules[rule], matcher.result(rule, name)};
}

std::optional<NameClassifier::Place> ask(const TableMatcher& matcher, std::string_view name,
                                         TableMatcher::Scratch& scratch) {
  const auto rule = matcher.first(name, scratch);
  if (!rule) return std::nullopt;
  return place_of(matcher, *rule, name);
}

}  // namespace

// After SpamAssassin's __RDNS_STATIC, but whole words of labels, and never in the last label, where
// mx is Mexico.
std::string_view NameClassifier::built_in_exceptions() noexcept {
  return "/(^|[.-])(static|fix|fixed|fixip|dedicated)[0-9]*[.-]/ OK says that it is static\n"
         "/(^|[.-])(mail|mailout|mailgw|mx|smtp|mta|relay|outbound)[0-9]*[.-]/ OK a mail "
         "server's\n";
}

bool is_class_name(std::string_view text) noexcept {
  constexpr size_t kMaxClass = 32;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= kMaxClass && is_letter(text.front()) &&
         std::ranges::all_of(
             text, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

NameClassifier::NameClassifier(std::vector<ClassifiedTable> tables, TableMatcher exceptions)
    : tables_(std::move(tables)), exceptions_(std::move(exceptions)) {}

NameClassifier::Scratch::Scratch(const NameClassifier& classifier)
    : exceptions_(classifier.exceptions_) {
  for (const auto& table : classifier.tables_) tables_.emplace_back(table.matcher);
}

uint64_t NameClassifier::Scratch::faults() const noexcept {
  uint64_t faults = exceptions_.faults();
  for (const auto& table : tables_) faults += table.faults();
  return faults;
}

NameClassifier::Classification NameClassifier::classify(std::string_view name,
                                                        Scratch& scratch) const {
  if (name.ends_with('.')) name.remove_suffix(1);
  Classification classification;
  classification.too_long = name.size() > kMaxName;
  if (classification.too_long) return classification;
  for (size_t i = 0; i < tables_.size(); i++) {
    auto match = ask(tables_[i].matcher, name, scratch.tables_[i]);
    if (!match) continue;
    const auto result = access_result(match->result);
    classification.match = std::move(*match);
    if (result == AccessResult::kNothing) continue;
    classification.name_class = result == AccessResult::kPass ? kStatic
                                : result == AccessResult::kMark
                                    ? std::string_view(tables_[i].marked)
                                    : tables_[i].against;
    break;
  }
  if (classification.name_class == kUnknown || classification.name_class == kStatic)
    return classification;
  if (auto exception = ask(exceptions_, name, scratch.exceptions_);
      exception && access_result(exception->result) != AccessResult::kNothing) {
    classification.exception = std::move(*exception);
    classification.name_class = kStatic;
  }
  return classification;
}

}  // namespace postern::names
