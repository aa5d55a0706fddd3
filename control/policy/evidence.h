// SPDX-License-Identifier: BSD-3-Clause
//
// EvidenceTable: what sources did that no mail server does, until it is often enough to tell the
// packet engines. One offence is never enough: `threshold` of them within `window` are. Offences
// older than the window are forgotten; so is, when the table is full, the source whose last offence
// is the oldest (the table fails towards passing). What happened to signatures is no offence:
// mailing lists break them (RFC 6376 §6.3). Sources are single IPv4 addresses and IPv6 /64
// networks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/address/address.h"

namespace postern::policy {

// What is worth an entry in the engines, and why.
struct Finding {
  Prefix source;
  // "3 offences in 41 s: spoke before the greeting (3)": printable ASCII, at most 200 bytes.
  std::string evidence;
};

class EvidenceTable {
 public:
  struct Options {
    size_t threshold = 3;     // at least 1
    int64_t window = 600;     // seconds
    size_t capacity = 65536;  // sources; at least 1
  };
  explicit EvidenceTable(const Options& options) : options_(options) {}

  // what: a few words. A finding when it was one offence too many; the source is then forgotten, as
  // the engines know it from here on. now: Unix seconds.
  std::optional<Finding> note(const IpAddress& source, std::string_view what, int64_t now);

  size_t size() const noexcept { return sources_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

  static Prefix source_of(const IpAddress& address);

 private:
  struct Offence {
    int64_t time;
    std::string what;
  };
  struct Source {
    Prefix prefix;
    std::vector<Offence> offences;  // oldest first; fewer than the threshold
  };
  using Sources = std::list<Source>;  // the one that offended last is last

  Options options_;
  Sources sources_;
  std::map<Prefix, Sources::iterator> by_prefix_;
  uint64_t forgotten_ = 0;
};

}  // namespace postern::policy
