// SPDX-License-Identifier: BSD-3-Clause
//
// Text from files and the network as the content of a JSON string.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// What is no UTF-8 (RFC 3629) becomes U+FFFD, because a JSON string cannot hold it (RFC 8259,
// section 8.1).
std::string json_text(std::string_view text);

}  // namespace postern
