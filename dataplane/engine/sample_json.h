// SPDX-License-Identifier: BSD-3-Clause
//
// A sample as the management API shows it (docs/management-api.md): the decision in words, the
// frame's addresses, and which lines of which lists and which rule of the policy were behind it, of
// the rules that were in force then.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <memory>

#include "dataplane/engine/request.h"
#include "dataplane/engine/sample_feed.h"
#include "rules/compile/deciding_rules.h"

namespace postern {

// For the samples of one answer: what it works out of a snapshot's policy serves all of them.
class SampleJson {
 public:
  // now: Unix seconds; what has expired by then is not behind a sample.
  SampleJson(SamplesRequest::Bytes bytes, uint32_t snap, int64_t now)
      : bytes_(bytes), snap_(snap), now_(now) {}
  boost::json::object of(const FeedSample& sample);

 private:
  const SamplesRequest::Bytes bytes_;
  const uint32_t snap_;
  const int64_t now_;
  std::map<std::shared_ptr<const Snapshot>, DecidingRules> rules_;
};

}  // namespace postern
