// SPDX-License-Identifier: BSD-3-Clause
//
// Negotiation: what the mail server can do, and what of that we ask for (SMFIC_OPTNEG). Without
// adding and changing header fields we are of no use and say so. All else can be missing: commands
// are then answered one by one, and without kLeadingSpace the blank behind a field's colon is
// guessed (control/milter/message_text.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "control/milter/wire.h"

namespace postern::milter {

struct Terms {
  uint32_t version = kNewestVersion;
  Actions actions = Actions::kNone;
  Protocol protocol = Protocol::kNone;
  bool operator==(const Terms&) const = default;
};

// What the two of us will keep to, or why we cannot.
std::variant<Terms, std::string_view> negotiate(const Terms& offered) noexcept;

// From the data of SMFIC_OPTNEG; nullopt where it is too short.
std::optional<Terms> read_terms(std::string_view data) noexcept;
// Data of our answer, with the macros that we need where the mail server lets us ask for them.
std::string write_terms(const Terms& terms);

}  // namespace postern::milter
