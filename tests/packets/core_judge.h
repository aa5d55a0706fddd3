// SPDX-License-Identifier: BSD-3-Clause
//
// CoreJudge: the core (dataplane/core) judging single frames in user space, as the DPDK engine runs
// it, under the rules of a World: the side that the naive oracle is compared with.
#pragma once

#include <vector>

#include "tests/packets/oracle.h"

namespace postern::packets {

// The core's judgement of the same frame; world and image are of the same rules. The frame is
// copied to memory of its very size first, so that a sanitizer sees any step outside. Remembers
// what limits remember, too.
class CoreJudge {
 public:
  explicit CoreJudge(const World& world)
      : world_(world), image_(world), entries_(world), cells_(image_.cells()) {}
  Judgement judge(ps_port port, const Bytes& frame, uint64_t now_ns, bool with_rules = true);
  // What an engine would have counted of each cell of the matrix.
  const std::vector<ps_cell_count>& cells() const noexcept { return cells_; }
  // What limits remember.
  void forget() { limits_ = WorldLimits(); }

 private:
  const World& world_;
  WorldImage image_;
  WorldEntries entries_;
  WorldLimits limits_;
  std::vector<ps_cell_count> cells_;
};

}  // namespace postern::packets
