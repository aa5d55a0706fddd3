// SPDX-License-Identifier: BSD-3-Clause
//
// Text from files, packets and the network, made safe before it is shown: it must neither speak to
// the terminal nor break a JSON document.
#pragma once

#include <string>
#include <string_view>

#include "rules/text/json_text.h"

namespace postern::cli {

// Control characters, characters that hide or reorder others, and bytes that are no UTF-8 (RFC
// 3629) as \xNN; all else unchanged.
std::string printable(std::string_view text);

}  // namespace postern::cli
