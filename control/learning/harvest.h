// SPDX-License-Identifier: BSD-3-Clause
//
// HarvestTable: sources that try out addresses to learn which exist. A finding is made of
// `threshold` different unknown recipients within `window`, unless different known ones were among
// them: a host that mostly has the right addresses may carry a stale list, and one that comes back
// with the same dead address is patient, not harvesting. What is older than the window is
// forgotten. A window, and no decaying weight as in EvidenceTable: what is looked at is a share, of
// unknown among all that was asked for in the same time, and who is patient enough to stay below
// the threshold learns one address in half a minute, which is no harvest.
//
// When the table is full, the source goes that was quiet longest (the table fails towards passing).
// Recipients are kept as a hash only (64 bits, keyed anew in each process, so that nobody can
// prepare two that collide). Sources as in EvidenceTable: one IPv4 address, one IPv6 /64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "control/learning/evidence.h"
#include "control/learning/learned_entry.h"
#include "control/policy/recent_table.h"
#include "rules/address/address.h"

namespace postern::learning {

class HarvestTable {
 public:
  struct Options {
    size_t threshold = 20;      // unknown recipients; at least 2
    int64_t window = 600;       // seconds
    size_t known_percent = 50;  // of all since the first of them: that many forgive; 1 to 99
    size_t capacity = 65536;    // sources; at least 1
  };
  HarvestTable(const Options& options, uint64_t hash_key);

  // asked: in the form that the directory compares. now: Unix seconds.
  void note_known(const IpAddress& source, std::string_view asked, int64_t now);
  // session: as in the log. A finding when it was one too many; the source is then forgotten, as
  // the engines know it from here on. Its reason: "harvesting: 20 unknown recipients, 1 known in 41
  // s"; its evidence: the sessions.
  std::optional<Finding> note_unknown(const IpAddress& source, std::string_view asked,
                                      std::string_view session, int64_t now);

  size_t size() const noexcept { return sources_.size(); }
  uint64_t forgotten() const noexcept { return sources_.forgotten(); }  // for want of room

 private:
  struct Asked {
    int64_t time;  // the last one, of known recipients; the first one of others
    uint64_t hash;
  };
  struct Source {
    std::vector<Asked> unknown;      // oldest first, different, at most the threshold
    std::vector<Asked> known;        // likewise, at most as many as forgive
    std::vector<Evidence> sessions;  // oldest first, the latest ones
  };
  Source& touch(const Prefix& prefix, int64_t now);
  uint64_t hash(std::string_view asked) const noexcept;

  Options options_;
  uint64_t hash_key_;
  size_t forgiving_;  // so many known ones outweigh the threshold
  policy::RecentTable<Prefix, Source> sources_;
};

}  // namespace postern::learning
