// SPDX-License-Identifier: BSD-3-Clause
//
// What workers share of the whole program's bounds: their parts together are the whole.
#include "control/config/worker_share.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>

#include "control/config/values.h"

namespace postern::config {
namespace {

TEST(WorkerShare, PartsAreTheWhole) {
  for (const uint64_t whole : {0u, 1u, 5u, 64u, 2000u, 1'000'003u})
    for (size_t workers = 1; workers <= 9; workers++) {
      uint64_t sum = 0, least = UINT64_MAX, most = 0;
      for (size_t number = 0; number < workers; number++) {
        const auto part = WorkerShare(workers, number).of(whole);
        sum += part;
        least = std::min(least, part);
        most = std::max(most, part);
      }
      EXPECT_EQ(sum, whole) << workers;
      EXPECT_LE(most - least, 1u) << "evenly";
    }
}

Options options() {
  Options options;
  options.proxy.max_sessions = 101;
  options.spool_total = 1001;
  options.proxy.farm.backends = {{.host = "a", .port = "25", .max = 5},
                                 {.host = "b", .port = "25"}};
  options.outbound.smarthosts = {{.host = "c", .port = "25", .max = 3}};
  options.outbound.backscatter.per_domain = {.count = 7, .milliseconds = 60'000};
  options.proxy.max_sessions_per_source = 50;
  options.milter.max_sessions = 30;
  options.workers = 2;
  return options;
}

TEST(WorkerShare, IsOfAllThatBoundsTheWholeProgram) {
  const auto first = WorkerShare(2, 0).of(options()), second = WorkerShare(2, 1).of(options());
  EXPECT_EQ(first.proxy.max_sessions, 51u);
  EXPECT_EQ(second.proxy.max_sessions, 50u);
  EXPECT_EQ(first.spool_total, 501u);
  EXPECT_EQ(second.spool_total, 500u);
  EXPECT_EQ(first.proxy.farm.backends[0].max, 3u);
  EXPECT_EQ(second.proxy.farm.backends[0].max, 2u);
  EXPECT_EQ(first.proxy.farm.backends[1].max, 0u) << "without limit";
  EXPECT_EQ(first.outbound.smarthosts[0].max, 2u);
  EXPECT_EQ(second.outbound.smarthosts[0].max, 1u);
  EXPECT_EQ(first.outbound.backscatter.per_domain.count, 4u);
  EXPECT_EQ(second.outbound.backscatter.per_domain.count, 3u);
  EXPECT_EQ(second.outbound.backscatter.per_domain.milliseconds, 60'000) << "the time is whole";
  // Of one source, and of the milter, which the first worker serves alone.
  EXPECT_EQ(second.proxy.max_sessions_per_source, 50u);
  EXPECT_EQ(second.milter.max_sessions, 30u);
}

std::string complaint(const Options& options) {
  try {
    refuse_too_small(options);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

TEST(WorkerShare, IsRefusedWhereSomeWouldHaveNothing) {
  auto given = options();
  EXPECT_EQ(complaint(given), "");
  given.workers = 4;
  EXPECT_EQ(complaint(given), "max of a smarthost 3 is less than workers, 4, which share it");
  given.outbound.smarthosts.clear();
  EXPECT_EQ(complaint(given), "");
  given.workers = 6;
  EXPECT_EQ(complaint(given), "max of a farm 5 is less than workers, 6, which share it");
  given.proxy.farm.backends[0].max = 0;
  given.proxy.max_sessions = 5;
  EXPECT_EQ(complaint(given), "max-sessions 5 is less than workers, 6, which share it");
}

TEST(WorkerShare, IsLookedAtWhereSettingsAreRead) {
  const char* words[] = {"postern-control", "--snapshot=s", "--farm=192.0.2.1,max=2",
                         "--workers=3"};
  EXPECT_THROW(parse_options(4, words), UsageError);
  EXPECT_NO_THROW(parse_options(3, words));
}

}  // namespace
}  // namespace postern::config
