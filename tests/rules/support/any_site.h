// SPDX-License-Identifier: BSD-3-Clause
//
// Random sites for rapidcheck: lists that overlap, with exclusions, values, maps, weights and
// expiries, protects, services, rules of every kind. Names are l1, l2, ... and s1, s2, ... in every
// one of them, so that two sites have most in common.
#pragma once

#include <cstdint>

#include "rules/address/address.h"
#include "tests/rules/support/naive_site.h"

namespace postern::test {

inline constexpr int64_t kNow = 1'700'000'000;

// Of few bytes, so that prefixes nest and meet often.
IpAddress any_address(Family family);

NaiveSite any_site();

// Into rapidcheck's account of a case that fails.
void log(const NaiveSite& site);

}  // namespace postern::test
