// SPDX-License-Identifier: BSD-3-Clause
//
// How long a worker that dies again and again waits for its next start.
#include "control/process/restart_pace.h"

#include <gtest/gtest.h>

namespace postern::process {
namespace {

using std::chrono::milliseconds;

TEST(RestartPace, WhoDiesSoonWaitsLongerEachTimeUpToABound) {
  RestartPace pace;
  for (const int expected : {0, 1000, 2000, 4000, 8000, 16'000, 30'000, 30'000})
    EXPECT_EQ(pace.after_death(milliseconds{5}), milliseconds{expected});
}

TEST(RestartPace, WhoHasLivedIsStartedAtOnce) {
  RestartPace pace;
  for (int i = 0; i < 5; i++) pace.after_death(milliseconds{5});
  EXPECT_EQ(pace.after_death(RestartPace::kSoon), milliseconds{0});
  EXPECT_EQ(pace.after_death(milliseconds{5}), milliseconds{0});
  EXPECT_EQ(pace.after_death(milliseconds{5}), milliseconds{1000});
}

}  // namespace
}  // namespace postern::process
