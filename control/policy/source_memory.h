// SPDX-License-Identifier: BSD-3-Clause
//
// SourceMemory: what is remembered of sources from session to session, apart from offences
// (EvidenceTable).
#pragma once

#include <cstdint>

#include "control/policy/greylist.h"
#include "control/policy/known_sources.h"
#include "control/policy/source_limits.h"

namespace postern::policy {

struct SourceMemory {
  struct Options {
    KnownSources::Options known;
    Greylist::Options greylist;
    SourceLimits::Options limits;
  };
  SourceMemory(const Options& options, uint64_t hash_key)
      : known(options.known), greylist(options.greylist, hash_key), limits(options.limits) {}

  KnownSources known;
  Greylist greylist;
  SourceLimits limits;
  // Unknown recipients so far, of reports and of known sources: one in ten of them is counted.
  uint64_t less_suspect_unknown = 0;
};

}  // namespace postern::policy
