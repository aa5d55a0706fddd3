// SPDX-License-Identifier: BSD-3-Clause
//
// The account of one address: the lists that have it and what becomes of its connections, as the
// document that `postern explain --json` prints and the engines' API answers
// (docs/command-line.md says what is in it). Made of a snapshot, which may be opened in outline.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>

#include "rules/address/address.h"
#include "rules/snapshot/snapshot.h"

namespace postern {

// to: only the services that this destination reaches; else all. now: Unix seconds; what has
// expired by then does not count. Throws BadInput where the snapshot was opened in outline, and is
// damaged.
boost::json::object account_of(const Snapshot& snapshot, const IpAddress& source,
                               const std::optional<IpAddress>& to, int64_t now);

}  // namespace postern
