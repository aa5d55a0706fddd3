// SPDX-License-Identifier: BSD-3-Clause
//
// Text -> Policy. The whole file is read before anything is refused, so that all its errors are
// reported at once, each with line, column and a caret.
#pragma once

#include <string>
#include <string_view>

#include "rules/policy/policy.h"
#include "rules/policy/sources.h"

namespace postern {

// file is only for the diagnostics, and what an include is resolved against. Throws BadInput with
// every error found.
Policy parse_policy(std::string_view text, const std::string& file, const SourceReader& reader);
// A text that includes nothing.
Policy parse_policy(std::string_view text, const std::string& file);
// Throws BadInput, also when a file cannot be read.
Policy read_policy(const std::string& path);
// From the sources of a policy that was parsed before; not empty.
Policy parse_sources(const std::vector<PolicySource>& sources);

}  // namespace postern
