// SPDX-License-Identifier: BSD-3-Clause
//
// By Hyperscan (rules/text/pattern_set.h).
#include "rules/text/pattern_set.h"

#include <hs.h>

#include <algorithm>
#include <limits>
#include <new>
#include <stdexcept>
#include <utility>

namespace postern {
namespace {

constexpr unsigned kFlags = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
constexpr unsigned kNone = std::numeric_limits<unsigned>::max();

std::string take_message(hs_compile_error_t* error) {
  std::string message = error != nullptr ? error->message : "cannot be compiled";
  hs_free_compile_error(error);
  return message;
}

int keep_lowest(unsigned id, unsigned long long, unsigned long long, unsigned, void* lowest) {
  auto& kept = *static_cast<unsigned*>(lowest);
  kept = std::min(kept, id);
  return 0;
}

}  // namespace

std::string PatternSet::complaint_about(const std::string& pattern) {
  if (pattern.find('\0') != std::string::npos) return "holds a NUL byte";
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile(pattern.c_str(), kFlags, HS_MODE_BLOCK, nullptr, &database, &error) != HS_SUCCESS)
    return take_message(error);
  hs_free_database(database);
  return {};
}

PatternSet::PatternSet(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  std::vector<const char*> expressions;
  std::vector<unsigned> ids;
  const std::vector<unsigned> flags(patterns.size(), kFlags);
  for (const auto& pattern : patterns) {
    ids.push_back(static_cast<unsigned>(ids.size()));
    expressions.push_back(pattern.c_str());
  }
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                       static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &database_,
                       &error) != HS_SUCCESS)
    throw std::runtime_error(take_message(error));
}

PatternSet::~PatternSet() {
  hs_free_database(database_);
}

PatternSet::Scratch::Scratch(const PatternSet& set) {
  if (set.database_ && hs_alloc_scratch(set.database_, &scratch_) != HS_SUCCESS)
    throw std::bad_alloc();
}

PatternSet::Scratch::~Scratch() {
  hs_free_scratch(scratch_);
}

PatternSet::Scratch::Scratch(Scratch&& other) noexcept
    : scratch_(std::exchange(other.scratch_, nullptr)) {}

std::optional<uint32_t> PatternSet::first_in(std::string_view text,
                                             const Scratch& scratch) const noexcept {
  if (!database_ || text.empty()) return std::nullopt;
  text = text.substr(0, std::numeric_limits<unsigned>::max());
  unsigned lowest = kNone;
  hs_scan(database_, text.data(), static_cast<unsigned>(text.size()), 0, scratch.scratch_,
          keep_lowest, &lowest);
  if (lowest == kNone) return std::nullopt;
  return lowest;
}

}  // namespace postern
