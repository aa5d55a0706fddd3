// SPDX-License-Identifier: BSD-3-Clause
//
// A host name as an SMTP server greets with it: labels of letters, digits and hyphens with dots
// between, none of which begins or ends with a hyphen (RFC 952, RFC 1123 section 2.1), each of 63
// bytes at most, 253 in all (RFC 1035 section 2.3.4). One label will do; the last is no number, as
// that would be an address. Kept as it is written.
#pragma once

#include <string_view>

namespace postern {

// What is wrong with it, as in "has an empty label"; nullptr when it is one.
const char* fault_of_host_name(std::string_view name) noexcept;

}  // namespace postern
