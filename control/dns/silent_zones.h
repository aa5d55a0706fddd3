// SPDX-License-Identifier: BSD-3-Clause
//
// SilentZones: domains and reverse zones whose DNS does not answer, and since when. Mail that
// depends on an answer is deferred; but who never answers would have its mail, and mail that only
// names it, deferred until the sender gives up. So after `patience` a missing answer counts as the
// answer that there is nothing. An answer makes a zone forgotten, and so does a day beyond it in
// which nobody asked for it.
//
// What may be our own DNS's fault is not held against anybody: patience has ended only when the DNS
// answered for something else as long after the first failure, over the network: a cache answers
// when the line is dead, too. What a forwarder has in its own cache looks like the network's word;
// caches keep records for a day at most, as a rule, the patience that is the default. Bounded: when
// the table is full, the zone that failed longest ago goes, and its time begins anew, which defers
// its mail for longer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control/dns/record.h"

namespace postern::dns {

class SilentZones {
 public:
  struct Options {
    int64_t patience = 86400;  // seconds; 0: for ever
    size_t capacity = 65536;   // zones; at least 1
    // A look-up that was given up sooner says nothing about its zone.
    std::chrono::milliseconds fair_wait{2000};
  };
  explicit SilentZones(const Options& options) : options_(options) {}

  // A look-up failed, by a fault or because it took longer than fair_wait(). True: for so long that
  // nobody is to wait for it any more. now: Unix seconds.
  bool note_failure(const std::string& zone, int64_t now);
  // Also that something does not exist is an answer. One that was kept makes the zone forgotten, as
  // it may have come when nobody waited for it any more; that the DNS is there only one shows that
  // was fetched (Origin::kReached).
  void note_answer(const std::string& zone, int64_t now, Origin origin);

  std::chrono::milliseconds fair_wait() const noexcept { return options_.fair_wait; }
  size_t size() const noexcept { return zones_.size(); }
  uint64_t forgotten() const noexcept { return forgotten_; }  // for want of room

  // One line each, the zone that failed longest ago first: the zone, the Unix times of its first
  // and its last failure. Before them, "answered" and the time of the last answer of any.
  std::string text() const;
  // Takes lines as text() writes them, into an empty table. The number of lines that are no such
  // thing is returned; they are passed over.
  size_t read(std::string_view text, int64_t now);
  uint64_t changes() const noexcept { return changes_; }  // since the beginning, what text() shows

  // Whose silence it is when a question is not answered, in lower case without the final dot:
  // "example.org" of s._domainkey.example.org, of _dmarc.example.org, and of the addresses of
  // mail.example.org; "2.0.192.in-addr.arpa" of 1.2.0.192.in-addr.arpa, the /64 below ip6.arpa.
  static std::string zone_of(std::string_view name, RecordType type);

 private:
  struct Zone {
    std::string name;
    int64_t since;
    int64_t last;
  };
  using Zones = std::list<Zone>;  // the one that failed last is last

  void insert(Zone zone);
  void erase(Zones::iterator zone);

  Options options_;
  Zones zones_;
  std::unordered_map<std::string_view, Zones::iterator> by_name_;  // views into zones_
  int64_t answered_ = 0;                                           // when the DNS last answered
  uint64_t forgotten_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace postern::dns
