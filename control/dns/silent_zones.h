// SPDX-License-Identifier: BSD-3-Clause
//
// SilentZones: domains and reverse zones whose DNS does not answer, and since when. Mail that
// depends on an answer is deferred; but who never answers would have its mail, and mail that only
// names it, deferred until the sender gives up. So after `patience` a missing answer counts as the
// answer that there is nothing: where the zone has been silent for so long, whatever it was asked,
// or where this one question has (a selector that is a CNAME into a zone that is gone, one record
// that does not validate) although the zone answers others. An answer makes its own question and
// the silence of the zone forgotten, and no other question; what nobody asked for in a day beyond
// `patience` is forgotten, too.
//
// What may be our own DNS's fault is not held against anybody: patience has ended only when the DNS
// answered for something else as long after the first failure, over the network: a cache answers
// when the line is dead, too. What a forwarder has in its own cache looks like the network's word;
// caches keep records for a day at most, as a rule, the patience that is the default. Bounded: of
// one zone kQuestions are remembered, and in place of the one that failed longest ago comes the
// next; when the table is full, the zone that failed longest ago goes. What was forgotten begins
// anew, which defers its mail for longer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "control/dns/record.h"

namespace postern::dns {

class SilentZones {
 public:
  static constexpr size_t kQuestions = 8;  // of one zone

  struct Options {
    int64_t patience = 86400;  // seconds; 0: for ever
    size_t capacity = 65536;   // names, of zones and of questions together; at least 1
    // A look-up that was given up sooner says nothing about its zone.
    std::chrono::milliseconds fair_wait{2000};
  };
  explicit SilentZones(const Options& options) : options_(options) {}

  // A look-up failed, by a fault or because it took longer than fair_wait(). True: for so long that
  // nobody is to wait for it any more. name: in any case, with or without the final dot. now: Unix
  // seconds.
  bool note_failure(std::string_view name, RecordType type, int64_t now);
  // Also that something does not exist is an answer. One that was kept makes its silence forgotten,
  // as it may have come when nobody waited for it any more; that the DNS is there only one shows
  // that was fetched (Origin::kReached).
  void note_answer(std::string_view name, RecordType type, int64_t now, Origin origin);

  std::chrono::milliseconds fair_wait() const noexcept { return options_.fair_wait; }
  size_t size() const noexcept { return zones_.size(); }      // zones
  uint64_t forgotten() const noexcept { return forgotten_; }  // zones, for want of room

  // One line for each zone, the one that failed longest ago first: the zone, the Unix times of its
  // first failure since it last answered ("-": it answered something since) and of its last. Below
  // it one line for each of its questions: type, name and these two times. Before all, "answered"
  // and the time of the last answer of any.
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
  struct Question {
    std::string name;  // in lower case, without the final dot
    RecordType type;
    int64_t since;
    int64_t last;
  };
  struct Zone {
    std::string name;
    std::optional<int64_t> since;  // none: it answered something since
    int64_t last;
    std::vector<Question> questions;
  };
  using Zones = std::list<Zone>;  // the one that failed last is last

  Zone& insert(Zone zone);
  void erase(Zones::iterator zone);
  Question& question_of(Zone& zone, std::string name, RecordType type, int64_t now);
  void make_room();
  bool read_zone(std::string_view name, std::string_view since, std::string_view last, int64_t now);
  bool read_question(std::string_view type, std::string_view name, std::string_view since,
                     std::string_view last);

  Options options_;
  Zones zones_;
  std::unordered_map<std::string_view, Zones::iterator> by_name_;  // views into zones_
  size_t names_ = 0;      // of zones and of their questions
  int64_t answered_ = 0;  // when the DNS last answered
  uint64_t forgotten_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace postern::dns
