// SPDX-License-Identifier: BSD-3-Clause
//
// From PCRE's options to Hyperscan's, and the form in which a database is kept: the number of
// patterns, the fallbacks (pattern, mode, reason), and Hyperscan's own bytes. Numbers are of 32
// bits, big endian.
#include "control/names/pattern_database.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "rules/text/cursor.h"

namespace postern::names {
namespace {

// To be changed whenever the same patterns would become another database.
constexpr std::string_view kForm = "postern pattern database 2";
constexpr size_t kMaxRefusals = 256;  // while compiling, each of which begins anew

std::string number(uint64_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xff);
  return bytes;
}

uint32_t take_number(Cursor& cursor) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value = value << 8 | static_cast<uint8_t>(cursor.take());
  return value;
}

Digest key_of(std::span<const PcrePattern> patterns) {
  std::string all(kForm);
  all += '\n' + PatternSet::platform() + '\n';
  for (const auto& pattern : patterns)
    all += pattern.flags.letters() + '/' + number(pattern.expression.size()) + pattern.expression;
  return sha256(all);
}

std::string hyperscan_expression(const PcrePattern& pattern) {
  // With (?x), # begins a comment up to a line end, of which there is none: so one is put.
  auto expression =
      pattern.flags.extended ? "(?x)" + pattern.expression + '\n' : pattern.expression;
  if (pattern.flags.anchored) expression = "\\A(?:" + expression + ')';
  return expression;
}

Pattern hyperscan_pattern(const PcrePattern& pattern, bool prefilter) {
  const auto& flags = pattern.flags;
  return {.expression = hyperscan_expression(pattern),
          .caseless = flags.caseless,
          .dot_all = flags.dot_all,
          .multi_line = flags.multi_line,
          .may_be_empty = true,
          .prefilter = prefilter};
}

// What Hyperscan would take in another sense than PCRE2; empty: nothing.
std::string_view difference(const PcrePattern& pattern) {
  for (const std::string_view verb : {"(*UTF", "(*UCP"})
    if (pattern.expression.find(verb) != std::string::npos)
      return "UTF-8 is only looked at by PCRE2";
  // Where the flag x ends within a pattern the line end that is put behind it would be a letter of
  // it, and of (?xx) Hyperscan knows half.
  const auto& expression = pattern.expression;
  bool has_options = expression.find("\\Q") != std::string::npos;
  for (size_t at = 0; (at = expression.find("(?", at)) != std::string::npos; at += 2) {
    const char next = at + 2 < expression.size() ? expression[at + 2] : '\0';
    has_options |= next == '-' || next == '^' || (next >= 'a' && next <= 'z');
  }
  if (pattern.flags.extended && has_options) return "options within a pattern with the flag x";
  if (expression.find("(?xx") != std::string::npos) return "the option xx is only PCRE2's";
  return {};
}

}  // namespace

PatternDatabase::PatternDatabase(std::span<const PcrePattern> patterns, DatabaseCache* cache) {
  const auto key = key_of(patterns);
  if (cache != nullptr) {
    if (const auto bytes = cache->load(key)) {
      if (restore(*bytes, patterns.size())) {
        origin_ = Origin::kCache;
        return;
      }
      cache_complaint_ = cache->path_of(key) + ": Hyperscan does not take it";
    } else {
      cache_complaint_ = cache->why();
    }
  }
  choose_modes(patterns);
  compile(patterns);
  if (cache != nullptr && !cache->store(key, serialised())) cache_complaint_ = cache->why();
}

void PatternDatabase::choose_modes(std::span<const PcrePattern> patterns) {
  modes_.assign(patterns.size(), Mode::kExact);
  fallbacks_.clear();
  for (uint32_t i = 0; i < patterns.size(); i++) {
    const auto& pattern = patterns[i];
    Fallback fallback{.pattern = i, .mode = Mode::kUnfiltered, .reason = {}};
    if (const auto why = difference(pattern); !why.empty()) {
      fallback.reason = why;
    } else if (pattern.flags.dollar_end_only) {
      fallback.reason = "the flag E is only known to PCRE2";
    } else {
      fallback.reason = PatternSet::complaint_about(hyperscan_pattern(pattern, false));
      if (fallback.reason.empty()) continue;
    }
    if (difference(pattern).empty() &&
        PatternSet::complaint_about(hyperscan_pattern(pattern, true)).empty())
      fallback.mode = Mode::kPrefilter;
    modes_[i] = fallback.mode;
    fallbacks_.push_back(std::move(fallback));
  }
}

// One that turns out to be too large is taken out, and the rest is compiled again.
void PatternDatabase::compile(std::span<const PcrePattern> patterns) {
  for (size_t refusals = 0;; refusals++) {
    number();
    std::vector<Pattern> wanted;
    for (const uint32_t i : numbers_)
      wanted.push_back(hyperscan_pattern(patterns[i], modes_[i] == Mode::kPrefilter));
    try {
      set_ = PatternSet::of(wanted);
      return;
    } catch (const PatternSet::Refused& refused) {
      if (!refused.pattern() || *refused.pattern() >= numbers_.size() || refusals == kMaxRefusals)
        throw;
      const uint32_t i = numbers_[*refused.pattern()];
      std::erase_if(fallbacks_, [&](const Fallback& known) { return known.pattern == i; });
      modes_[i] = Mode::kUnfiltered;
      const auto place =
          std::ranges::lower_bound(fallbacks_, i, std::ranges::less(), &Fallback::pattern);
      fallbacks_.insert(place, {.pattern = i, .mode = modes_[i], .reason = refused.what()});
    }
  }
}

void PatternDatabase::number() {
  numbers_.clear();
  for (uint32_t i = 0; i < modes_.size(); i++)
    if (modes_[i] != Mode::kUnfiltered) numbers_.push_back(i);
}

std::string PatternDatabase::serialised() const {
  std::string bytes = names::number(modes_.size()) + names::number(fallbacks_.size());
  for (const auto& fallback : fallbacks_)
    bytes += names::number(fallback.pattern) + static_cast<char>(fallback.mode) +
             names::number(fallback.reason.size()) + fallback.reason;
  return bytes + set_->serialised();
}

bool PatternDatabase::restore(std::string_view bytes, size_t patterns) {
  Cursor cursor(bytes);
  if (take_number(cursor) != patterns) return false;
  const uint32_t count = take_number(cursor);
  if (cursor.failed() || count > patterns) return false;
  std::vector<Mode> modes(patterns, Mode::kExact);
  std::vector<Fallback> fallbacks;
  for (uint32_t i = 0; i < count; i++) {
    Fallback fallback{.pattern = take_number(cursor), .mode = Mode::kUnfiltered, .reason = {}};
    const auto mode = static_cast<uint8_t>(cursor.take());
    fallback.reason = cursor.take(take_number(cursor));
    if (cursor.failed() || fallback.pattern >= patterns || mode < 1 || mode > 2 ||
        (i > 0 && fallback.pattern <= fallbacks.back().pattern))
      return false;
    fallback.mode = static_cast<Mode>(mode);
    modes[fallback.pattern] = fallback.mode;
    fallbacks.push_back(std::move(fallback));
  }
  auto set = PatternSet::deserialised(cursor.rest());
  if (!set) return false;
  modes_ = std::move(modes);
  fallbacks_ = std::move(fallbacks);
  set_ = std::move(set);
  number();
  return true;
}

PatternDatabase::Scratch::Scratch(const PatternDatabase& database) : scratch_(*database.set_) {
  found_.reserve(database.numbers_.size());
}

std::span<const uint32_t> PatternDatabase::search(std::string_view text, Scratch& scratch) const {
  set_->all_in(text, scratch.scratch_, scratch.found_);
  std::sort(scratch.found_.begin(), scratch.found_.end());
  for (auto& found : scratch.found_) found = numbers_[found];
  return scratch.found_;
}

}  // namespace postern::names
