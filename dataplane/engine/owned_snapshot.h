// SPDX-License-Identifier: BSD-3-Clause
//
// A snapshot for a running engine, read whole into memory of its own. Snapshot::open() maps the
// file; when somebody then writes over that file in place (cp instead of apply), the mapping
// changes after it was verified, or is cut off, and the next look at it would kill the engine.
#pragma once

#include <memory>
#include <string>

#include "rules/snapshot/snapshot.h"

namespace postern {

// Throws BadInput naming the file and what is wrong with it; std::system_error if unreadable.
std::shared_ptr<const Snapshot> read_owned_snapshot(const std::string& path);

}  // namespace postern
