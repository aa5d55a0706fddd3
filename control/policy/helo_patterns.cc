// SPDX-License-Identifier: BSD-3-Clause
//
// Each line is first compiled by itself, so that an error names its line; then all of them
// together.
#include "control/policy/helo_patterns.h"

#include <stdexcept>
#include <utility>

#include "rules/text/diagnostic.h"

namespace postern::policy {
namespace {

constexpr size_t kMaxName = 4096;

}  // namespace

std::string_view HeloPatterns::built_in() noexcept {
  return "^ylmf-pc$\n"           // a spamming Windows image, since 2012
         "^user$\n"              // password guessers
         "^win-clj1b0gq6jp$\n";  // one cloned machine, seen from everywhere
}

HeloPatterns::HeloPatterns(std::string_view text, const std::string& file) {
  std::vector<Diagnostic> bad;
  for (uint32_t line = 1; !text.empty(); line++) {
    const size_t end = text.find('\n');
    std::string pattern(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!pattern.empty() &&
           (pattern.back() == '\r' || pattern.back() == ' ' || pattern.back() == '\t'))
      pattern.pop_back();
    if (pattern.empty() || pattern.front() == '#') continue;
    std::string complaint = PatternSet::complaint_about(pattern);
    if (!complaint.empty())
      bad.push_back({.file = file,
                     .line = line,
                     .column = 0,
                     .message = std::move(complaint),
                     .source = pattern});
    else
      patterns_.push_back(std::move(pattern));
  }
  if (!bad.empty()) throw BadInput(std::move(bad));
  try {
    set_ = std::make_unique<const PatternSet>(patterns_);
  } catch (const std::runtime_error& error) {
    throw BadInput(Diagnostic{.file = file, .message = error.what()});
  }
  scratch_.emplace(*set_);
}

std::optional<std::string_view> HeloPatterns::match(std::string_view name) const {
  const auto found = set_->first_in(name.substr(0, kMaxName), *scratch_);
  if (!found) return std::nullopt;
  return patterns_[*found];
}

}  // namespace postern::policy
