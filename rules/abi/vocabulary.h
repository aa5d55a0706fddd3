// SPDX-License-Identifier: BSD-3-Clause
//
// The words of rules/abi/verdict.h as C++: enum classes that convert to and from their spelling.
// Everything that prints or reads an action or a reason goes through here.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "rules/abi/verdict.h"

namespace postern {

enum class Action : uint8_t {
#define PS_X(name, word) name = PS_ACTION_##name,
  PS_ACTIONS(PS_X)
#undef PS_X
};

enum class Reason : uint8_t {
#define PS_X(name, fate, word, text) name = PS_REASON_##name,
  PS_REASONS(PS_X)
#undef PS_X
};

struct ReasonWord {
  std::string_view word;         // as in counters and JSON
  std::string_view explanation;  // for people
  bool stops;
};

inline constexpr std::array<std::string_view, PS_ACTION_COUNT> kActionWords = {
#define PS_X(name, word) word,
    PS_ACTIONS(PS_X)
#undef PS_X
};

inline constexpr std::array<ReasonWord, PS_REASON_COUNT> kReasonWords = {{
#define PS_X(name, fate, word, text) {word, text, PS_FATE_##fate == PS_FATE_STOP},
    PS_REASONS(PS_X)
#undef PS_X
}};

constexpr std::string_view word(Action action) noexcept {
  return kActionWords[static_cast<size_t>(action)];
}
constexpr const ReasonWord& describe(Reason reason) noexcept {
  return kReasonWords[static_cast<size_t>(reason)];
}
constexpr std::string_view word(Reason reason) noexcept {
  return describe(reason).word;
}

constexpr std::optional<Action> action_from(std::string_view word) noexcept {
  for (size_t i = 0; i < kActionWords.size(); i++)
    if (kActionWords[i] == word) return static_cast<Action>(i);
  return std::nullopt;
}

}  // namespace postern
