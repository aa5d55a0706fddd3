// SPDX-License-Identifier: BSD-3-Clause
//
// Expiring and falling back (dataplane/engine/active_rules.h).
#include "dataplane/engine/active_rules.h"

#include <spdlog/spdlog.h>

#include <stdexcept>
#include <utility>

#include "rules/compile/expiry.h"

namespace postern {

void ActiveRules::load(std::shared_ptr<const Snapshot> snapshot, int64_t now) {
  engine_.load(std::move(snapshot));
  unconfirmed_.reset();
  engine_.remember();
  expire(now);
}

void ActiveRules::load_unconfirmed(std::shared_ptr<const Snapshot> snapshot, int64_t now,
                                   int64_t seconds) {
  auto before = unconfirmed_ ? unconfirmed_->before : engine_.snapshot();
  if (!before)
    throw std::runtime_error("no rules are in force that could be put back; load these confirmed");
  engine_.load(std::move(snapshot));
  unconfirmed_ = {std::move(before), now + seconds};
  expire(now);
}

bool ActiveRules::confirm(uint64_t generation) noexcept {
  if (!unconfirmed_ || engine_.snapshot()->generation() != generation) return false;
  unconfirmed_.reset();
  engine_.remember();
  return true;
}

std::optional<int64_t> ActiveRules::unconfirmed_until() const noexcept {
  if (!unconfirmed_) return std::nullopt;
  return unconfirmed_->until;
}

bool ActiveRules::tick(int64_t now) {
  bool fell_back = false;
  if (unconfirmed_ && unconfirmed_->until <= now) {
    auto before = std::move(unconfirmed_->before);
    unconfirmed_.reset();
    spdlog::warn("event=rolled-back generation={} to={}", engine_.snapshot()->generation(),
                 before->generation());
    try {
      engine_.load(std::move(before));
      fell_back = true;
    } catch (const std::runtime_error& error) {
      spdlog::error("event=not-rolled-back why=\"{}\"", error.what());
    }
  }
  expire(now);
  return fell_back;
}

void ActiveRules::expire(int64_t now) {
  const auto snapshot = engine_.snapshot();
  if (!snapshot) return;
  const bool is_new = looked_at_ != snapshot->generation();
  if (!is_new && !(next_expiry_ && *next_expiry_ <= now)) return;
  // A snapshot whose sub-lists never expire has the matrix it was compiled with.
  const bool is_due = next_expiry(*snapshot, snapshot->created() - 1).value_or(now + 1) <= now;
  if (is_due) engine_.store_matrix(matrix_at(*snapshot, now));
  looked_at_ = snapshot->generation();
  next_expiry_ = next_expiry(*snapshot, now);
}

}  // namespace postern
