// SPDX-License-Identifier: BSD-3-Clause
//
// Greylisting at RCPT, as both doors do it (control/smtp, control/milter): who is held back, and
// what he is told. Role addresses are heard at once, known sources have shown what they are; whom
// the policy exempts is not asked about.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "control/policy/disposition_text.h"
#include "control/policy/greylist.h"
#include "control/policy/known_sources.h"
#include "rules/address/address.h"

namespace postern::policy {

// nullopt: the recipient may be asked for. sender, recipient: as MAIL and RCPT have them, without
// brackets. now: Unix seconds.
std::optional<Refusal> hold_back(KnownSources& known, Greylist& greylist, const IpAddress& client,
                                 std::string_view sender, std::string_view recipient, int64_t now);

}  // namespace postern::policy
