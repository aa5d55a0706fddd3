// SPDX-License-Identifier: BSD-3-Clause
//
// By PCRE2, 8-bit library (control/names/pcre_pattern.h).
#include "control/names/pcre_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <new>

namespace postern::names {
namespace {

struct Letter {
  char letter;
  bool PcreFlags::*flag;
};
constexpr Letter kLetters[] = {
    {'i', &PcreFlags::caseless}, {'m', &PcreFlags::multi_line}, {'s', &PcreFlags::dot_all},
    {'x', &PcreFlags::extended}, {'A', &PcreFlags::anchored},   {'E', &PcreFlags::dollar_end_only},
    {'U', &PcreFlags::ungreedy},
};

uint32_t options_of(const PcreFlags& flags) noexcept {
  return (flags.caseless ? PCRE2_CASELESS : 0u) | (flags.multi_line ? PCRE2_MULTILINE : 0u) |
         (flags.dot_all ? PCRE2_DOTALL : 0u) | (flags.extended ? PCRE2_EXTENDED : 0u) |
         (flags.anchored ? PCRE2_ANCHORED : 0u) |
         (flags.dollar_end_only ? PCRE2_DOLLAR_ENDONLY : 0u) |
         (flags.ungreedy ? PCRE2_UNGREEDY : 0u);
}

PCRE2_SPTR octets(std::string_view text) noexcept {
  return reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
}

}  // namespace

bool PcreFlags::toggle(char letter) noexcept {
  for (const auto& known : kLetters)
    if (known.letter == letter) {
      this->*known.flag = !(this->*known.flag);
      return true;
    }
  return letter == 'X';
}

std::string PcreFlags::letters() const {
  const PcreFlags defaults;
  std::string letters;
  for (const auto& known : kLetters)
    if (this->*known.flag != defaults.*known.flag) letters += known.letter;
  return letters;
}

std::string PcrePattern::text() const {
  return '/' + expression + '/' + flags.letters();
}

void CompiledPattern::Free::operator()(pcre2_real_code_8* code) const noexcept {
  pcre2_code_free(code);
}

void CompiledPattern::Free::operator()(pcre2_real_match_context_8* context) const noexcept {
  pcre2_match_context_free(context);
}

void CompiledPattern::Groups::Free::operator()(pcre2_real_match_data_8* data) const noexcept {
  pcre2_match_data_free(data);
}

CompiledPattern::CompiledPattern(const PcrePattern& pattern) {
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_.reset(pcre2_compile(octets(pattern.expression), pattern.expression.size(),
                            options_of(pattern.flags), &error, &offset, nullptr));
  if (!code_) {
    PCRE2_UCHAR message[256] = {};
    pcre2_get_error_message(error, message, sizeof(message));
    throw NotAPattern(std::min(offset, pattern.expression.size()),
                      reinterpret_cast<const char*>(message));
  }
  limits_.reset(pcre2_match_context_create(nullptr));
  if (!limits_) throw std::bad_alloc();
  pcre2_set_match_limit(limits_.get(), kMatchLimit);
  pcre2_pattern_info(code_.get(), PCRE2_INFO_CAPTURECOUNT, &groups_);
}

void CompiledPattern::make_fast() noexcept {
  pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);  // or it is interpreted
}

CompiledPattern::Groups::Groups(const CompiledPattern& pattern)
    : data_(pcre2_match_data_create_from_pattern(pattern.code_.get(), nullptr)),
      count_(pattern.groups_) {
  if (!data_) throw std::bad_alloc();
}

std::string_view CompiledPattern::Groups::at(uint32_t n, std::string_view text) const noexcept {
  if (n > count_) return {};
  const auto* bounds = pcre2_get_ovector_pointer(data_.get());
  const auto begin = bounds[2 * n];
  const auto end = bounds[2 * n + 1];
  // PCRE2_UNSET is larger than any text; \K may turn the two around.
  if (begin > text.size() || end > text.size() || begin > end) return {};
  return text.substr(begin, end - begin);
}

CompiledPattern::Outcome CompiledPattern::match(std::string_view text,
                                                Groups& groups) const noexcept {
  const int found =
      pcre2_match(code_.get(), octets(text), text.size(), 0, 0, groups.data_.get(), limits_.get());
  if (found > 0) return Outcome::kYes;
  return found == PCRE2_ERROR_NOMATCH ? Outcome::kNo : Outcome::kFault;
}

}  // namespace postern::names
