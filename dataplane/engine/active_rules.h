// SPDX-License-Identifier: BSD-3-Clause
//
// ActiveRules: the rules of an engine over time. Lists and entries that expire leave through the
// matrix when their hour has come; rules that were loaded unconfirmed give way to the ones before
// them unless somebody confirms them in time. It is told the time; it has no clock and no thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "dataplane/engine/engine.h"

namespace postern {

class ActiveRules {
 public:
  // The engine must outlive this. Rules that it has already are taken as confirmed.
  explicit ActiveRules(Engine& engine) : engine_(engine) {}

  // Times are Unix seconds. Throws std::runtime_error as Engine::load does; then nothing changes.
  void load(std::shared_ptr<const Snapshot> snapshot, int64_t now);
  // The same, but when confirm() does not come before `now + seconds`, tick() puts back what was
  // confirmed last. Throws too when there is nothing to put back.
  void load_unconfirmed(std::shared_ptr<const Snapshot> snapshot, int64_t now, int64_t seconds);
  // Whether rules of that generation were waiting for it.
  bool confirm(uint64_t generation) noexcept;
  // Unix seconds; nullopt: the rules in force are confirmed.
  std::optional<int64_t> unconfirmed_until() const noexcept;

  // To be called at least once a second. Whether rules fell back, for want of a confirmation.
  bool tick(int64_t now);

 private:
  struct Unconfirmed {
    std::shared_ptr<const Snapshot> before;
    int64_t until;
  };
  void expire(int64_t now);

  Engine& engine_;
  std::optional<Unconfirmed> unconfirmed_;
  // Of the snapshot whose matrix has been looked at, and when the next look is due.
  uint64_t looked_at_ = 0;
  std::optional<int64_t> next_expiry_;
};

}  // namespace postern
