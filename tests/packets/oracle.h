// SPDX-License-Identifier: BSD-3-Clause
//
// The naive twin of dataplane/core: judges a frame by reading the standards' headers byte by byte,
// with exceptions for running out of bytes, linear searches for look-ups, a map of all the sources
// that ever attempted for limits, OpenSSL for cookies, and the reply composed by the packet
// builder. Written from the reasons' meanings in rules/abi/verdict.h and the policy's, not from the
// core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "rules/abi/counters.h"
#include "tests/packets/builder.h"
#include "tests/packets/world.h"

namespace postern::packets {

struct Judgement {
  Action action = Action::ALLOW;
  Reason reason = Reason::NO_RULE;
  std::optional<Bytes> reply;  // exactly when the action is RESET or REFUSE
  unsigned events = 0;         // bit e: enum ps_event e

  bool operator==(const Judgement&) const = default;
};

// Remembers what limits remember.
class NaiveJudge {
 public:
  explicit NaiveJudge(const World& world) : world_(world) {}
  Judgement judge(ps_port port, const Bytes& frame, uint64_t now_ns, bool with_rules = true);
  void forget() { arrivals_.clear(); }

 private:
  const World& world_;
  // When the next attempt of a source on a service is due, to judge by.
  std::map<std::pair<std::string, unsigned>, uint64_t> arrivals_;
};

// A frame that nothing came before. world: nullptr where no rules are loaded.
Judgement judge_naively(const World* world, ps_port port, const Bytes& frame, uint64_t now_ns);

// The sequence number that a refused attempt is answered with.
uint32_t cookie_of(const World& world, const IpAddress& source, const IpAddress& destination,
                   uint16_t source_port, uint16_t destination_port, uint32_t epoch);

// For messages of failed tests.
std::string to_string(const Judgement& judgement);
std::string hex(const Bytes& bytes);

}  // namespace postern::packets
