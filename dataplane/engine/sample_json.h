// SPDX-License-Identifier: BSD-3-Clause
//
// A sample as the management API shows it (docs/management-api.md): the decision in words, the
// frame's addresses, and which lines of which lists and which rule of the policy were behind it, of
// the rules that were in force then.
#pragma once

#include <boost/json/object.hpp>

#include "dataplane/engine/request.h"
#include "dataplane/engine/sample_feed.h"

namespace postern {

// now: Unix seconds; what has expired by then is not behind it.
boost::json::object to_json(const FeedSample& sample, SamplesRequest::Bytes bytes, uint32_t snap,
                            int64_t now);

}  // namespace postern
