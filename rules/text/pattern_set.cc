// SPDX-License-Identifier: BSD-3-Clause
//
// By Hyperscan (rules/text/pattern_set.h).
#include "rules/text/pattern_set.h"

#include <hs.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
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

unsigned flags_of(const Pattern& pattern) noexcept {
  return HS_FLAG_SINGLEMATCH | (pattern.caseless ? HS_FLAG_CASELESS : 0u) |
         (pattern.dot_all ? HS_FLAG_DOTALL : 0u) | (pattern.multi_line ? HS_FLAG_MULTILINE : 0u) |
         (pattern.may_be_empty ? HS_FLAG_ALLOWEMPTY : 0u) |
         (pattern.prefilter ? HS_FLAG_PREFILTER : 0u);
}

// Throws Refused.
hs_database_t* compiled(const std::vector<const char*>& expressions,
                        const std::vector<unsigned>& flags) {
  std::vector<unsigned> ids;
  for (unsigned id = 0; id < expressions.size(); id++) ids.push_back(id);
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                       static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &database,
                       &error) == HS_SUCCESS)
    return database;
  std::optional<size_t> which;
  if (error != nullptr && error->expression >= 0) which = static_cast<size_t>(error->expression);
  throw PatternSet::Refused(which, take_message(error));
}

int keep_lowest(unsigned id, unsigned long long, unsigned long long, unsigned, void* lowest) {
  auto& kept = *static_cast<unsigned*>(lowest);
  kept = std::min(kept, id);
  return 0;
}

int keep_all(unsigned id, unsigned long long, unsigned long long, unsigned, void* all) {
  auto& found = *static_cast<std::vector<uint32_t>*>(all);
  if (found.size() < found.capacity()) found.push_back(id);
  return 0;
}

constexpr std::string_view kNulByte = "holds a NUL byte";

bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

}  // namespace

std::string PatternSet::complaint_about(const std::string& pattern) {
  if (has_nul(pattern)) return std::string(kNulByte);
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_compile(pattern.c_str(), kFlags, HS_MODE_BLOCK, nullptr, &database, &error) != HS_SUCCESS)
    return take_message(error);
  hs_free_database(database);
  return {};
}

std::string PatternSet::complaint_about(const Pattern& pattern) {
  if (has_nul(pattern.expression)) return std::string(kNulByte);
  hs_expr_info_t* info = nullptr;
  hs_compile_error_t* error = nullptr;
  if (hs_expression_info(pattern.expression.c_str(), flags_of(pattern), &info, &error) !=
      HS_SUCCESS)
    return take_message(error);
  ::free(info);
  return {};
}

PatternSet::PatternSet(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  std::vector<const char*> expressions;
  for (const auto& pattern : patterns) expressions.push_back(pattern.c_str());
  database_ = compiled(expressions, std::vector<unsigned>(patterns.size(), kFlags));
}

std::unique_ptr<const PatternSet> PatternSet::of(std::span<const Pattern> patterns) {
  std::vector<const char*> expressions;
  std::vector<unsigned> flags;
  for (const auto& pattern : patterns) {
    if (has_nul(pattern.expression)) throw Refused(expressions.size(), std::string(kNulByte));
    expressions.push_back(pattern.expression.c_str());
    flags.push_back(flags_of(pattern));
  }
  return owning(patterns.empty() ? nullptr : compiled(expressions, flags));
}

std::unique_ptr<const PatternSet> PatternSet::owning(hs_database* database) {
  auto set = std::make_unique<PatternSet>(std::vector<std::string>());
  set->database_ = database;
  return set;
}

std::string PatternSet::serialised() const {
  if (!database_) return {};
  char* bytes = nullptr;
  size_t size = 0;
  if (hs_serialize_database(database_, &bytes, &size) != HS_SUCCESS) throw std::bad_alloc();
  std::string copy(bytes, size);
  ::free(bytes);
  return copy;
}

std::unique_ptr<const PatternSet> PatternSet::deserialised(std::string_view bytes) {
  hs_database_t* database = nullptr;
  if (!bytes.empty() &&
      hs_deserialize_database(bytes.data(), bytes.size(), &database) != HS_SUCCESS)
    return nullptr;
  return owning(database);
}

std::string PatternSet::platform() {
  hs_platform_info_t info = {};
  if (hs_populate_platform(&info) != HS_SUCCESS) return hs_version();
  return std::string(hs_version()) + ", tune " + std::to_string(info.tune) + ", features " +
         std::to_string(info.cpu_features);
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

void PatternSet::all_in(std::string_view text, const Scratch& scratch,
                        std::vector<uint32_t>& found) const noexcept {
  found.clear();
  if (!database_) return;
  text = text.substr(0, std::numeric_limits<unsigned>::max());
  hs_scan(database_, text.empty() ? "" : text.data(), static_cast<unsigned>(text.size()), 0,
          scratch.scratch_, keep_all, &found);
}

}  // namespace postern
