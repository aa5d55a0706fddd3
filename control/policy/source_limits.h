// SPDX-License-Identifier: BSD-3-Clause
//
// SourceLimits: how often one source may do a thing, by the generic cell rate algorithm (as the
// engines limit connections): N in a time, all at once or spread, and then one after the other as
// the time goes by. One timestamp for each source and thing, in a bounded table; when that is full,
// the source that would be free again first is forgotten, which lets it do more: the table fails
// towards passing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "control/policy/expiring_table.h"
#include "rules/address/address.h"

namespace postern::policy {

// kRoleRecipients: postmaster and abuse, of which kRecipients knows nothing.
enum class Limited : uint8_t { kSessions, kRecipients, kRoleRecipients, kErrors };
constexpr size_t kLimitedThings = 4;

struct SourceRate {
  uint32_t count = 0;        // 0: without limit
  int64_t milliseconds = 0;  // the time in which count is allowed
};

class SourceLimits {
 public:
  struct Options {
    std::array<SourceRate, kLimitedThings> rates = {};  // by Limited
    size_t capacity = 100'000;
  };
  explicit SourceLimits(const Options& options)
      : rates_(options.rates), free_at_(options.capacity) {}

  // Once more. False: that is one too many, and does not count. now: milliseconds of any clock that
  // does not go back.
  bool take(Limited thing, const Prefix& source, int64_t now);

  size_t size() const noexcept { return free_at_.size(); }

 private:
  std::array<SourceRate, kLimitedThings> rates_;
  ExpiringTable<std::pair<Prefix, Limited>, int64_t> free_at_;  // theoretical arrival time
};

}  // namespace postern::policy
