// SPDX-License-Identifier: BSD-3-Clause
//
// EvidenceTable: what sources did that no mail server does, until it is enough to tell the packet
// engines. Each kind of offence has a weight; what a source has against it is the sum of its
// weights, each of which counts half as much after every `half_life`, and a finding is made when
// that sum, rounded to a whole number, has reached the threshold. Rounded, so that three offences
// that do not come in the same instant are three.
//
// No single offence is ever a finding, whatever the options say: weights count for at most the
// threshold less one, and it takes two. What happened to signatures is no offence: mailing lists
// break them (RFC 6376 §6.3). Nor is a spamtrap that was hit by a null sender or an automatic reply
// (control/learning/trap_hit.h). When the table is full, the source goes whose last offence is the
// oldest (the table fails towards passing). Sources are single IPv4 addresses and IPv6 /64
// networks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/learning/learned_entry.h"
#include "control/learning/learning.h"
#include "control/policy/recent_table.h"
#include "rules/address/address.h"

namespace postern::learning {

enum class Offence : uint8_t {
  kEarlyTalker,      // spoke before the greeting
  kBotName,          // said a name in HELO that only bots say
  kOutOfTurn,        // sent commands before the answer to EHLO or DATA
  kErrors,           // was ended for its errors
  kForeignProtocol,  // speaks something else
  kSpamtrap,         // wrote to an address that nobody ever had
};
constexpr size_t kOffences = 6;
// "early-talker", "bot-name", "out-of-turn", "errors", "foreign-protocol", "spamtrap"
std::string_view word(Offence offence) noexcept;
std::optional<Offence> offence_from(std::string_view word) noexcept;

// What is worth an entry in the engines, and why.
struct Finding {
  // "3 offences in 41 s: spoke before the greeting (3)": printable ASCII, at most 200 bytes.
  std::string reason;
  std::vector<Evidence> evidence;  // oldest first
};

class EvidenceTable {
 public:
  struct Options {
    uint32_t threshold = 3;                                          // at least 2
    std::array<uint32_t, kOffences> weights = {{1, 1, 1, 1, 1, 1}};  // by Offence; 0: no offence
    int64_t half_life = 600;                                         // seconds; at least 1
    size_t capacity = 65536;                                         // sources; at least 1
  };
  explicit EvidenceTable(const Options& options);

  // A finding when it was one offence too many; the source is then forgotten, as the engines know
  // it from here on. evidence.time is now, in Unix seconds; of evidence.what 60 octets count.
  std::optional<Finding> note(const IpAddress& source, Offence offence, Evidence evidence);

  size_t size() const noexcept { return sources_.size(); }
  uint64_t forgotten() const noexcept { return sources_.forgotten(); }  // for want of room

 private:
  struct Source {
    double score = 0;  // at `scored`
    int64_t scored = 0;
    uint64_t offences = 0;           // that count for anything
    int64_t first = 0;               // the first of these
    std::vector<Evidence> evidence;  // the latest ones, oldest first
  };

  Options options_;
  policy::RecentTable<Prefix, Source> sources_;
};

// Notes it, and learns of the source when it was one too many.
void note_offence(EvidenceTable& table, Learning& learning, const IpAddress& source,
                  const std::optional<policy::LocalPlace>& local, Offence offence,
                  Evidence evidence);

}  // namespace postern::learning
