// SPDX-License-Identifier: BSD-3-Clause
//
// Learning: the one gate through which a source gets into the packet engines, and the memory of
// what went through. Everybody who has a reason (offences, harvesting, signatures, message rules)
// comes here, so that nobody else has to know who is never learned:
//
//   - who the policy protects, allows or has in a list of category accredited, and who is named in
//     Options::never (our own load balancers);
//   - who recently sent authenticated mail of a well-reputed domain (TrustedSources);
//   - who nothing is known of: a lesson without evidence.
//
// An entry is for one IPv4 address or one IPv6 /64, wider where Options say so; not wider where
// somebody of the first two kinds would be hit as well, and none at all where somebody of them is
// within the /64. What has been learned is asked about again when it is read back and when there is
// another policy: what could not be learned today is taken back.
//
// Bounded: when it is full, the entry that would expire first goes; it stays in the engines until
// then, and only a restart of theirs is not made up for. Pure: what is to be told to engines, to
// the file and to the log goes to the observer.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/learning/learned_entry.h"
#include "control/learning/trusted_sources.h"
#include "control/policy/exemption.h"
#include "control/policy/expiring_table.h"
#include "rules/address/address.h"

namespace postern::learning {

// Why a source is to be told to the engines.
struct Lesson {
  IpAddress source = {};
  std::optional<policy::LocalPlace> local = {};  // where it connected to; nullopt: not known
  std::string rule = {};                         // as in LearnedEntry
  std::string reason = {};                       // likewise; empty: the rule
  std::vector<Evidence> evidence = {};           // at least one
};

// Why nothing was learned, or why an entry may not stay. kWidth: of entries that were read back
// only: one as wide as the options do not allow, or do not any more.
enum class Unlearned : uint8_t { kNothing, kNoEvidence, kExempt, kTrusted, kWidth };

// Who hears of it. Called where learn() is.
class LearningObserver {
 public:
  virtual ~LearningObserver() = default;
  // There is a new entry, or it has changed.
  virtual void learned(const LearnedEntry& entry) = 0;
  // An entry was taken back before its time.
  virtual void removed(const Prefix& prefix) = 0;
  // An entry that could not be learned today; removed() follows, where it may ever have been ours.
  virtual void withdrawn(const LearnedEntry& entry, Unlearned why, std::string_view because) = 0;
  virtual void spared(const Lesson& lesson, Unlearned why, std::string_view because) = 0;
  virtual void trusted(const Prefix& source, std::string_view domain, int64_t expires) = 0;
};

class Learning {
 public:
  struct Options {
    std::chrono::seconds learn_for{3600};  // where a lesson does not say how long; at least 1
    int v4_length = 32;                    // 32 or 24
    int v6_length = 64;                    // 64, 56 or 48
    size_t capacity = 65536;               // entries; at least 1
    TrustedSources::Options trust = {};
    std::vector<Prefix> never = {};
  };
  // Whether the policy in force exempts anybody of a network (policy::is_any_exempt); now: Unix
  // seconds.
  using Exempt = std::function<bool(const Prefix& network,
                                    const std::optional<policy::LocalPlace>& local, int64_t now)>;
  // observer: outlives this.
  Learning(Options options, Exempt exempt, LearningObserver& observer);

  // now: Unix seconds, here and below. learn_for: how long; unset: as the options say. kNothing:
  // it was learned.
  Unlearned learn(Lesson lesson, int64_t now,
                  std::optional<std::chrono::seconds> learn_for = std::nullopt);
  // A message that passed and whose domain's signature passed was taken.
  void note_good_mail(const IpAddress& source, std::string_view domain, double reputation,
                      int64_t now);

  // From a file. What has expired is left out, and so is what could not be learned today, at
  // whatever service. Observed as learned, or as withdrawn.
  void restore(LearnedEntry entry, int64_t now);
  // There is another policy: takes back what could not be learned today, at whatever service. The
  // number of these, which are observed as withdrawn.
  size_t review(int64_t now);
  // Likewise of a source; entries that cover one that is trusted are taken back, here and in
  // note_good_mail().
  void restore_trusted(const Prefix& source, std::string domain, int64_t expires, int64_t now);
  // False: there was none. Observed as removed in any case: an engine may know what we do not.
  bool remove(const Prefix& prefix);

  // nullptr: nothing, or nothing any more. Valid until the next change.
  const LearnedEntry* find(const Prefix& prefix, int64_t now) { return entries_.find(prefix, now); }
  // The prefixes of all that has not expired, the last one to do so first.
  std::vector<Prefix> prefixes(int64_t now);
  size_t size() const noexcept { return entries_.size(); }
  uint64_t forgotten() const noexcept { return entries_.forgotten(); }  // for want of room

 private:
  Unlearned why_not(const Prefix& network, const std::optional<policy::LocalPlace>& local,
                    int64_t now, std::string& because);
  Unlearned why_not(const LearnedEntry& entry, int64_t now, std::string& because);
  bool review(const Prefix& prefix, int64_t now);
  void withdraw_over(const Prefix& source, int64_t now);
  Prefix prefix_for(const IpAddress& source, const std::optional<policy::LocalPlace>& local,
                    int64_t now);

  Options options_;
  Exempt exempt_;
  LearningObserver& observer_;
  policy::ExpiringTable<Prefix, LearnedEntry> entries_;
  TrustedSources trusted_;
};

std::string_view word(
    Unlearned why) noexcept;  // "nothing", "no-evidence", "exempt", "trusted", "width"

}  // namespace postern::learning
