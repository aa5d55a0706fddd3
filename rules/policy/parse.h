// SPDX-License-Identifier: BSD-3-Clause
//
// Text -> Policy. The whole file is read before anything is refused, so that all its errors are
// reported at once, each with line, column and a caret.
#pragma once

#include <string>
#include <string_view>

#include "rules/policy/policy.h"

namespace postern {

// file is only for the diagnostics. Throws BadInput with every error found.
Policy parse_policy(std::string_view text, const std::string& file);
// Throws BadInput, also when the file cannot be read.
Policy read_policy(const std::string& path);

}  // namespace postern
