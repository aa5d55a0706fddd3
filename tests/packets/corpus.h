// SPDX-License-Identifier: BSD-3-Clause
//
// The packet corpus: named frames and what becomes of each under corpus_world(), run through the
// core as the DPDK engine runs it and through the BPF program in the kernel. Expectations are
// written by hand here, except for the bytes of a reply, which the oracle composes.
#pragma once

#include <string>
#include <vector>

#include "tests/packets/oracle.h"

namespace postern::packets {

struct Case {
  std::string name;
  Bytes frame;
  Action action = Action::ALLOW;
  Reason reason = Reason::NO_RULE;
  ps_port port = PS_PORT_WAN;
  uint64_t now_ns = kNow;
  bool with_rules = true;
  int before = 0;  // so many times the same frame has been judged before
};

const std::vector<Case>& corpus();

// Random changes to a frame of the corpus: bits, bytes, words that headers care about, length. The
// same seed gives the same frames.
class Mutations {
 public:
  explicit Mutations(uint64_t seed) : state_(seed) {}
  struct Mutant {
    Bytes frame;
    ps_port port;
    const Case* origin;
  };
  Mutant next();

 private:
  uint64_t random(uint64_t below);
  uint64_t state_;
};

}  // namespace postern::packets
