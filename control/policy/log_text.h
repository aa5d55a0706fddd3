// SPDX-License-Identifier: BSD-3-Clause
//
// What strangers say, made fit for one `key=value` of a log line: printable ASCII, no quotes,
// bounded.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace postern::policy {

// Quoted where it holds a blank or is empty. At most `most` bytes of text.
std::string log_value(std::string_view text, size_t most = 256);

}  // namespace postern::policy
