// SPDX-License-Identifier: BSD-3-Clause
//
// The actions of access(5), one by one.
#include "control/names/access_result.h"

#include <gtest/gtest.h>

namespace postern::names {
namespace {

TEST(AccessResult, IsWhatPostfixWouldDo) {
  for (const char* nothing :
       {"DUNNO", "dunno", " DUNNO and why", "FILTER smtp:x", "REDIRECT a@example.org", "OKAY",
        "greylist", "check_client_access cidr:/x", "4x0 text", "600 text", "5500 text", "warn_if",
        "holding"})
    EXPECT_EQ(access_result(nothing), AccessResult::kNothing) << nothing;
  for (const char* pass : {"OK", "ok", "RELAY", "OK says the site", "1234567", "550",
                           "permit_sasl_authenticated, reject", "PERMIT"})
    EXPECT_EQ(access_result(pass), AccessResult::kPass) << pass;
  for (const char* mark : {"PREPEND X-Dynamic: yes", "WARN", "INFO text", "BCC a@example.org"})
    EXPECT_EQ(access_result(mark), AccessResult::kMark) << mark;
  for (const char* against :
       {"REJECT", "reject\tGeneric", "550 no", "450 4.7.1 later", "DEFER_IF_PERMIT", "DISCARD",
        "HOLD", "HOLD it", "reject_unverified_sender", "defer", "421 4.3.2 later", "Discard"})
    EXPECT_EQ(access_result(against), AccessResult::kAgainst) << against;
}

}  // namespace
}  // namespace postern::names
