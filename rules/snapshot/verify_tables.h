// SPDX-License-Identifier: BSD-3-Clause
//
// Whether every look-up in the tables of an image stays inside it, ends, and finds a value that
// there is (rules/abi/snapshot_format.h). Looks at every node once.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "rules/abi/snapshot_format.h"

namespace postern {

// blocks: the image; what the header says of its layout has been verified. refuse, which throws, is
// told what is wrong.
void verify_tables(std::span<const ps_block> blocks, const ps_snapshot_header& header,
                   const std::function<void(const std::string&)>& refuse);

}  // namespace postern
