// SPDX-License-Identifier: BSD-3-Clause
//
// SourceLimits: how often one source may do a thing (RateTable): sessions, recipients, recipients
// of mail with the null sender, recipients that do not exist, bad commands.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "control/policy/rate_table.h"
#include "rules/address/address.h"

namespace postern::policy {

// kRoleRecipients: postmaster and abuse, of which kRecipients knows nothing.
enum class Limited : uint8_t {
  kSessions,
  kRecipients,
  kRoleRecipients,
  kErrors,
  kNullSenders,
  kUnknownRecipients,
};
constexpr size_t kLimitedThings = 6;

using SourceRate = Rate;

class SourceLimits {
 public:
  struct Options {
    std::array<SourceRate, kLimitedThings> rates = {};  // by Limited
    size_t capacity = 100'000;
  };
  explicit SourceLimits(const Options& options) : rates_(options.rates), table_(options.capacity) {}

  // Once more. False: that is one too many, and does not count. now: milliseconds of any clock that
  // does not go back.
  bool take(Limited thing, const Prefix& source, int64_t now) {
    return table_.take({source, thing}, rates_[static_cast<size_t>(thing)], now);
  }

  // Whether take() would say no: for what is known only when it has been done.
  bool is_used_up(Limited thing, const Prefix& source, int64_t now) {
    return table_.is_used_up({source, thing}, rates_[static_cast<size_t>(thing)], now);
  }

  size_t size() const noexcept { return table_.size(); }

 private:
  std::array<SourceRate, kLimitedThings> rates_;
  RateTable<std::pair<Prefix, Limited>> table_;
};

}  // namespace postern::policy
