// SPDX-License-Identifier: BSD-3-Clause
//
// One label of a name in DNS: letters, digits and hyphens (RFC 952, RFC 1123 section 2.1, RFC 5890
// section 2.3.1), 63 bytes at most (RFC 1035 section 2.3.4). Underscores are let through, as names
// in DNS have them; those of hosts have none (rules/text/host_name.h).
#pragma once

#include <cstddef>
#include <string_view>

namespace postern {

constexpr size_t kMaxDomainName = 253;  // bytes of a name as text, without a final dot

// What is wrong with it, as in "has an empty label"; nullptr when it is one.
const char* fault_of_label(std::string_view label) noexcept;

// Whether all of it is digits, as the last label of no name is.
bool is_number_label(std::string_view label) noexcept;

}  // namespace postern
