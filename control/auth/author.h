// SPDX-License-Identifier: BSD-3-Clause
//
// The domain of the author: the one address in the one From field (RFC 5322 §3.4, §3.6.2). Software
// disagrees about fields that are only nearly right, and senders use that, so whatever does not
// parse to exactly one mailbox has no author domain.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "control/auth/header_fields.h"

namespace postern::auth {

// body: of a From field, folding included. A-labels, lower case; empty when it is not exactly one
// mailbox (several, groups, source routes, domain literals, anything that does not parse).
std::string author_domain_of(std::string_view body);

// The same for a header; empty also when From is missing or stands twice.
std::string author_domain(const std::vector<HeaderField>& fields);

}  // namespace postern::auth
