// SPDX-License-Identifier: BSD-3-Clause
//
// OfflineJudge: the engines' own core (dataplane/core) over the frames of a capture, as an engine
// would judge them that has loaded a snapshot and learned nothing (docs/decisions/0003). Limits
// count by the capture's clock.
//
// A capture may hold less of a frame than there was. Such a frame is judged as if it were whole
// where what is missing cannot change the result; where it could, the frame has no verdict, and is
// never taken for one that was truncated on the wire.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/cli/capture.h"
#include "dataplane/core/judge.h"
#include "rules/abi/counters.h"
#include "rules/address/address.h"
#include "rules/compile/deciding_rules.h"
#include "rules/snapshot/snapshot.h"

namespace postern::cli {

struct Judgement {
  std::optional<ps_decision> verdict;  // nullopt: cut by the capture
  // As far as they could be read.
  std::optional<IpAddress> source, destination;
  std::optional<uint16_t> source_port, destination_port;
  uint32_t vlan = 0;                     // as in struct ps_packet; of what has ports
  const ConnectionRule* rule = nullptr;  // of the snapshot's policy: what decided, if one did
};

class OfflineJudge {
 public:
  OfflineJudge(std::shared_ptr<const Snapshot> snapshot, ps_port port);
  Judgement judge(const CapturedFrame& frame);

 private:
  const ConnectionRule* rule_of(const Judgement& judgement);

  std::shared_ptr<const Snapshot> snapshot_;
  ps_image image_;
  ps_port port_;
  std::vector<ps_limit_bucket> limits_;
  DecidingRules rules_;
  std::vector<uint8_t> whole_;  // a cut frame, filled up
};

}  // namespace postern::cli
