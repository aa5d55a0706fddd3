// SPDX-License-Identifier: BSD-3-Clause
//
// Role addresses: postmaster (RFC 5321 §4.5.1) and abuse (RFC 2142 §4), at whatever domain. Who has
// a complaint, or was refused and writes to those whom the refusal names, is heard: no rule, list,
// reputation or greylist stands in the way, only a rate limit.
#pragma once

#include <string_view>

namespace postern::policy {

// recipient: as RCPT has it, without brackets. The local part in any case, in quotes or not, up to
// a '+' (abuse+ticket@ is abuse@), and postmaster without a domain.
bool is_role_address(std::string_view recipient) noexcept;

}  // namespace postern::policy
