// SPDX-License-Identifier: BSD-3-Clause
//
// quoted: what a message may show of foreign text. About 40 bytes of it, in double quotes, and what
// is no UTF-8, not seen or moves what stands around it as '?', so that it cannot break a terminal
// or a log line.
#pragma once

#include <string>
#include <string_view>

namespace postern {

std::string quoted(std::string_view text);

}  // namespace postern
