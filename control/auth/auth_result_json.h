// SPDX-License-Identifier: BSD-3-Clause
//
// AuthResult as `postern verify -j` prints it. The names are a contract with other programs.
#pragma once

#include <boost/json/value.hpp>

#include "control/auth/auth_result.h"

namespace postern::auth {

// {"dkim": [{domain, selector, algorithm, key_bits, result, reason, body_hash_ok}],
//  "spf": [{identity, domain, result, reason}], "dmarc": {result, policy, domain}}
// with the words of RFC 8601 for results. Text is UTF-8: octets of the message that are not become
// U+FFFD.
boost::json::value to_json(const AuthResult& result);

}  // namespace postern::auth
