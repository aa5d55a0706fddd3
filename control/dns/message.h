// SPDX-License-Identifier: BSD-3-Clause
//
// A DNS response in wire form (RFC 1035 §4.1) read into an Answer: the records of the type that was
// asked for, at the end of the CNAME chain that the response itself carries.
#pragma once

#include <string_view>

#include "control/dns/record.h"

namespace postern::dns {

// kFailed, with a detail, for a message that does not parse and for every rcode other than NOERROR
// and NXDOMAIN. `secure` is left false: only the validator knows.
Answer read_response(std::string_view message, RecordType type);

}  // namespace postern::dns
