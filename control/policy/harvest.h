// SPDX-License-Identifier: BSD-3-Clause
//
// HarvestTable: sources that try out addresses to learn which exist. A finding is made of
// `threshold` different unknown recipients within `window`, unless known ones were among them: a
// host that mostly has the right addresses may carry a stale list, and one that comes back with the
// same dead address is patient, not harvesting. What is older than the window is forgotten; so is,
// when the table is full, the source that was quiet longest (the table fails towards passing).
// Sources as in EvidenceTable: one IPv4 address, one IPv6 /64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <string_view>

#include "control/policy/evidence.h"
#include "rules/address/address.h"

namespace postern::policy {

class HarvestTable {
 public:
  struct Options {
    size_t threshold = 20;      // unknown recipients; at least 1
    int64_t window = 600;       // seconds
    size_t known_percent = 50;  // of all since the first of them: that many forgive; 1 to 99
    size_t capacity = 65536;    // sources; at least 1
  };
  explicit HarvestTable(const Options& options);

  // now: Unix seconds.
  void note_known(const IpAddress& source, int64_t now);
  // address: in the form that the directory compares. A finding when it was one too many; the
  // source is then forgotten, as the engines know it from here on. Evidence: "harvesting: 20
  // unknown recipients, 1 known in 41 s".
  std::optional<Finding> note_unknown(const IpAddress& source, std::string_view address,
                                      int64_t now);

  size_t size() const noexcept { return sources_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

 private:
  struct Unknown {
    int64_t time;
    uint64_t address;  // its hash
  };
  struct Source {
    Prefix prefix;
    std::deque<Unknown> unknown;  // oldest first, at most the threshold
    std::deque<int64_t> known;    // oldest first, at most as many as forgive
  };
  using Sources = std::list<Source>;  // the one that asked last is last

  Source& touch(const IpAddress& source, int64_t now);

  Options options_;
  size_t forgiving_;  // so many known ones outweigh the threshold
  Sources sources_;
  std::map<Prefix, Sources::iterator> by_prefix_;
  uint64_t forgotten_ = 0;
};

}  // namespace postern::policy
