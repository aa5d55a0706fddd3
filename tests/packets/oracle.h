// SPDX-License-Identifier: BSD-3-Clause
//
// The naive twin of dataplane/core: judges a frame by reading the standards' headers byte by byte,
// with exceptions for running out of bytes, linear searches for look-ups, and the reply composed by
// the packet builder. Written from the reasons' meanings in rules/abi/verdict.h, not from the core.
#pragma once

#include <cstdint>
#include <optional>

#include "rules/abi/counters.h"
#include "tests/packets/builder.h"
#include "tests/packets/world.h"

namespace postern::packets {

struct Judgement {
  Action action = Action::ALLOW;
  Reason reason = Reason::NO_RULE;
  std::optional<Bytes> reply;  // exactly when the action is RESET

  bool operator==(const Judgement&) const = default;
};

// world: nullptr where no rules are loaded.
Judgement judge_naively(const World* world, ps_port port, const Bytes& frame, uint64_t now_ns);

// The core's judgement of the same frame; world and image are of the same rules. The frame is
// copied to memory of its very size first, so that a sanitizer sees any step outside.
class CoreJudge {
 public:
  explicit CoreJudge(const World& world) : image_(world), entries_(world) {}
  Judgement judge(ps_port port, const Bytes& frame, uint64_t now_ns, bool with_rules = true) const;

 private:
  WorldImage image_;
  WorldEntries entries_;
};

// For messages of failed tests.
std::string to_string(const Judgement& judgement);
std::string hex(const Bytes& bytes);

}  // namespace postern::packets
