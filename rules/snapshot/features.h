// SPDX-License-Identifier: BSD-3-Clause
//
// What a snapshot asks of an engine (PS_FEATURE_* of rules/abi/snapshot_format.h), in the words of
// the policy.
#pragma once

#include <cstdint>
#include <string>

namespace postern {

// `"refuse", "limit"`; empty for 0.
std::string feature_words(uint32_t features);

}  // namespace postern
