// SPDX-License-Identifier: BSD-3-Clause
//
// Workers' parts together are what the site has set, whatever the numbers.
#include "control/config/worker_share.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace postern::config {
namespace {

Options set_to(uint64_t value) {
  Options options;
  options.proxy.max_sessions = value;
  options.spool_total = value;
  options.proxy.farm.backends = {{.host = "a", .port = "25", .max = value}};
  options.outbound.smarthosts = {{.host = "b", .port = "25", .max = value}};
  options.proxy.farm.idle_legs = value;
  options.directory.ldap.max_searches = value;
  options.names.reverse_lookups = value;
  options.outbound.backscatter.per_domain = {static_cast<uint32_t>(value), 60'000};
  return options;
}

std::vector<uint64_t> limits_of(const Options& options) {
  return {options.proxy.max_sessions,         options.spool_total,
          options.proxy.farm.backends[0].max, options.outbound.smarthosts[0].max,
          options.proxy.farm.idle_legs,       options.directory.ldap.max_searches,
          options.names.reverse_lookups,      options.outbound.backscatter.per_domain.count};
}

TEST(WorkerShare, PartsAddUpToTheWhole) {
  for (const size_t workers : {1u, 2u, 3u, 7u, 64u})
    for (const uint64_t value : {64u, 65u, 100u, 2000u}) {
      std::vector<uint64_t> sums(limits_of(set_to(value)).size());
      for (size_t number = 0; number < workers; number++) {
        const auto parts = limits_of(share_of(set_to(value), workers, number));
        for (size_t i = 0; i < parts.size(); i++) {
          EXPECT_GE(parts[i], value / workers);
          EXPECT_LE(parts[i], value / workers + 1);
          sums[i] += parts[i];
        }
      }
      for (size_t i = 0; i < sums.size(); i++)
        EXPECT_EQ(sums[i], value) << "limit " << i << " with " << workers << " workers";
    }
}

TEST(WorkerShare, NothingIsNoPart) {
  // A backend without max, no waiting connections, a rate without limit stay what they are.
  const auto none = share_of(set_to(0), 4, 3);
  EXPECT_EQ(none.proxy.farm.backends[0].max, 0u);
  EXPECT_EQ(none.proxy.farm.idle_legs, 0u);
  EXPECT_EQ(none.outbound.backscatter.per_domain.count, 0u);
  // And what is less than the workers does not turn into it.
  const auto few = share_of(set_to(2), 4, 3);
  EXPECT_EQ(few.proxy.farm.idle_legs, 1u);
  EXPECT_EQ(few.directory.ldap.max_searches, 1u);
  EXPECT_EQ(few.names.reverse_lookups, 1u);
  EXPECT_EQ(few.outbound.backscatter.per_domain.count, 1u);
  EXPECT_EQ(few.outbound.backscatter.per_domain.milliseconds, 60'000);
}

TEST(WorkerShare, WhatBoundsOneSourceIsWhole) {
  Options options;
  options.proxy.max_sessions_per_source = 50;
  options.spool_memory = 1000;
  const auto part = share_of(options, 4, 0);
  EXPECT_EQ(part.proxy.max_sessions_per_source, 50u);
  EXPECT_EQ(part.spool_memory, 1000u);
}

std::string fault_of(std::vector<const char*> more) {
  std::vector<const char*> words = {"postern-control", "--snapshot", "x", "--workers", "4"};
  words.insert(words.end(), more.begin(), more.end());
  try {
    parse_options(static_cast<int>(words.size()), words.data());
  } catch (const UsageError& error) {
    return error.what();
  }
  return "taken";
}

// What is offered at EHLO would be refused at the end of its text, each time.
TEST(WorkerShare, ASpoolThatHoldsNoMessageOfAWorkerIsRefused) {
  EXPECT_EQ(fault_of({"--farm", "192.0.2.1", "--spool-total", "200M", "--max-message", "50M"}),
            "taken");
  EXPECT_EQ(fault_of({"--farm", "192.0.2.1", "--spool-total", "199M", "--max-message", "50M"}),
            "spool-total, 208666624, leaves each of 4 workers 52166656 octets: less than "
            "max-message, 52428800");
  EXPECT_EQ(fault_of({"--milter", "unix:/m", "--spool-total", "64K"}), "taken")
      << "a milter has no spool";
}

TEST(WorkerShare, ReverseLookUpsOfAMilterAloneAreTheFirstWorkers) {
  Options options;
  options.runs_proxy = false;
  options.names.reverse_lookups = 100;
  EXPECT_EQ(share_of(options, 4, 0).names.reverse_lookups, 100u);
  options.runs_proxy = true;
  EXPECT_EQ(share_of(options, 4, 0).names.reverse_lookups, 25u);
}

TEST(WorkerShare, ALimitOfWhichAWorkerWouldHaveNothingIsRefused) {
  EXPECT_EQ(fault_of({"--farm", "192.0.2.1,max=4"}), "taken");
  EXPECT_EQ(fault_of({"--farm", "192.0.2.1,max=3"}),
            "max of farm 192.0.2.1:25 is shared by all workers and less than workers, 4");
  EXPECT_EQ(fault_of({"--farm", "192.0.2.1", "--max-sessions", "3"}),
            "max-sessions is shared by all workers and less than workers, 4");
  EXPECT_EQ(fault_of({"--outbound", "127.0.0.1:2525", "--outbound-from", "127.0.0.0/8",
                      "--smarthost", "192.0.2.9:587,max=2"}),
            "max of smarthost 192.0.2.9:587 is shared by all workers and less than workers, 4");
}

}  // namespace
}  // namespace postern::config
