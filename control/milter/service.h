// SPDX-License-Identifier: BSD-3-Clause
//
// Service: what all milter sessions share, and the settings that they run by. One loop, one thread;
// everything here outlives the sessions.
#pragma once

#include <chrono>
#include <cstddef>
#include <vector>

#include "control/auth/dkim_sign.h"
#include "control/learning/evidence.h"
#include "control/policy/greylist.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/known_sources.h"
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
  // As the proxy's: who is known is known at either door. Null: nobody is, and nobody is held back.
  policy::KnownSources* known = nullptr;
  policy::Greylist* greylist = nullptr;
  const policy::HeloPatterns* helo_patterns = nullptr;  // null: none
  learning::Learning* learning = nullptr;               // null: nothing is learned of sources
  learning::EvidenceTable* evidence = nullptr;          // null: no offence is; else learning is not
  auth::SigningService* signing = nullptr;  // null: the site's own mail is not signed here
};

}  // namespace postern::milter
