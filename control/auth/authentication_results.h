// SPDX-License-Identifier: BSD-3-Clause
//
// The Authentication-Results field (RFC 8601): ours written, forged ones with our authserv-id found
// whatever their shape (case, folding, comments, quoted strings).
#pragma once

#include <string>
#include <string_view>

#include "control/auth/auth_result.h"

namespace postern::auth {

// "Authentication-Results: ID; dkim=pass ...\r\n", folded below 78 where a blank allows.
std::string write_authentication_results(std::string_view authserv_id, const AuthResult& result);

// field: one whole header field, name and continuation lines included. True when it is an
// Authentication-Results field (any case) whose authserv-id equals ours (case-insensitively), or
// cannot be told for certain to be another (RFC 8601 §5: remove when in doubt).
bool claims_our_results(std::string_view field, std::string_view authserv_id);

}  // namespace postern::auth
