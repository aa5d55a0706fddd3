// SPDX-License-Identifier: BSD-3-Clause
//
// Each line is first compiled by itself, so that an error names its line; then all of them
// together.
#include "control/policy/helo_patterns.h"

#include <hs.h>

#include <algorithm>
#include <new>
#include <utility>

#include "rules/text/diagnostic.h"

namespace postern::policy {
namespace {

constexpr unsigned kFlags = HS_FLAG_CASELESS | HS_FLAG_SINGLEMATCH;
constexpr size_t kMaxName = 4096;

// Empty when the pattern compiles.
std::string complaint_about(const std::string& pattern) {
  hs_database_t* database = nullptr;
  hs_compile_error_t* error = nullptr;
  const auto status =
      hs_compile(pattern.c_str(), kFlags, HS_MODE_BLOCK, nullptr, &database, &error);
  if (status == HS_SUCCESS) {
    hs_free_database(database);
    return {};
  }
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

struct HeloPatterns::Compiled {
  hs_database_t* database = nullptr;
  hs_scratch_t* scratch = nullptr;
  ~Compiled() {
    hs_free_scratch(scratch);
    hs_free_database(database);
  }
};

std::string_view HeloPatterns::built_in() noexcept {
  return "^ylmf-pc$\n"           // a spamming Windows image, since 2012
         "^user$\n"              // password guessers
         "^win-clj1b0gq6jp$\n";  // one cloned machine, seen from everywhere
}

HeloPatterns::HeloPatterns(std::string_view text, const std::string& file)
    : compiled_(std::make_unique<Compiled>()) {
  std::vector<Diagnostic> bad;
  for (uint32_t line = 1; !text.empty(); line++) {
    const size_t end = text.find('\n');
    std::string pattern(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!pattern.empty() &&
           (pattern.back() == '\r' || pattern.back() == ' ' || pattern.back() == '\t'))
      pattern.pop_back();
    if (pattern.empty() || pattern.front() == '#') continue;
    std::string complaint =
        pattern.find('\0') != std::string::npos ? "holds a NUL byte" : complaint_about(pattern);
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
  if (patterns_.empty()) return;

  std::vector<const char*> expressions;
  std::vector<unsigned> ids;
  const std::vector<unsigned> flags(patterns_.size(), kFlags);
  for (const auto& pattern : patterns_) {
    ids.push_back(static_cast<unsigned>(ids.size()));
    expressions.push_back(pattern.c_str());
  }
  hs_compile_error_t* error = nullptr;
  if (hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                       static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr,
                       &compiled_->database, &error) != HS_SUCCESS) {
    std::string message = error != nullptr ? error->message : "cannot be compiled";
    hs_free_compile_error(error);
    throw BadInput(Diagnostic{
        .file = file, .line = 0, .column = 0, .message = std::move(message), .source = {}});
  }
  if (hs_alloc_scratch(compiled_->database, &compiled_->scratch) != HS_SUCCESS)
    throw std::bad_alloc();
}

HeloPatterns::~HeloPatterns() = default;

std::optional<std::string_view> HeloPatterns::match(std::string_view name) const {
  if (compiled_->database == nullptr || name.empty()) return std::nullopt;
  name = name.substr(0, kMaxName);
  auto lowest = static_cast<unsigned>(patterns_.size());
  hs_scan(compiled_->database, name.data(), static_cast<unsigned>(name.size()), 0,
          compiled_->scratch, keep_lowest, &lowest);
  if (lowest >= patterns_.size()) return std::nullopt;
  return patterns_[lowest];
}

}  // namespace postern::policy
