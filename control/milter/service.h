// SPDX-License-Identifier: BSD-3-Clause
//
// Service: what all milter sessions share, and the settings that they run by. One loop, one thread;
// everything here outlives the sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

#include "control/auth/dkim_sign.h"
#include "control/policy/evidence.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/message_judge.h"
#include "control/policy/source_limits.h"
#include "rules/address/address.h"

namespace postern::milter {

struct MilterOptions {
  size_t max_sessions = 2000;
  // For the next command. A mail server says nothing while a message trickles in; libmilter waits
  // as long by default (7,210 s).
  std::chrono::milliseconds command_time{7'200'000};
  std::chrono::milliseconds write_time{10'000};
  // How often the mail server is told that a decision takes longer. Sendmail waits 10 s for an
  // answer by default.
  std::chrono::milliseconds progress_time{5'000};
  // Whose mail is the site's own, besides that of those who logged in: signed and not judged.
  std::vector<Prefix> own_networks;
};

struct Service {
  const MilterOptions& options;
  policy::JudgeServices& judging;
  policy::SourceLimits& limits;
  const policy::HeloPatterns* helo_patterns = nullptr;  // null: none
  policy::EvidenceTable* evidence = nullptr;            // null: nothing is learned
  // Brings a finding to the packet engines, for that long, or as long as entries live. Empty where
  // evidence is null.
  std::function<void(const policy::Finding&, std::optional<std::chrono::seconds>)> teach;
  auth::SigningService* signing = nullptr;  // null: the site's own mail is not signed here
};

}  // namespace postern::milter
