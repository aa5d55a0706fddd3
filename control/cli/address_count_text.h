// SPDX-License-Identifier: BSD-3-Clause
//
// Counts of addresses as people read them and as JSON has them. IPv6 is counted in numbers that
// nobody reads digit by digit, so a large count is a power of two where it is one, else it is
// rounded to three digits.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "rules/address/address_count.h"

namespace postern::cli {

// 512 -> "512"; 2^80 -> "2^80"; else "1.21e+24"
std::string count_text_v6(KeyV6 count);
// 0.0125 -> "1.25%"
std::string percent_text(double share);
// {"v4", "v6"}; beyond 2^64 as JSON has it, which is rounded to 53 bits.
boost::json::object count_json(const AddressCount& count);

}  // namespace postern::cli
