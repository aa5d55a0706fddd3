// SPDX-License-Identifier: BSD-3-Clause
//
// LearnedEntry: what was learned about a source, and what that rests on. Whoever asks why a host is
// refused at the packet gets all of it: which rule, which messages or sessions, when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/address/address.h"

namespace postern::learning {

// One session or message that counts against its source.
struct Evidence {
  int64_t time = 0;       // Unix seconds
  std::string id = {};    // as in the log: of a session, or of a message
  std::string what = {};  // a few words, such as "said HELO ylmf-pc"
};

// Texts are printable ASCII, as Learning makes them.
struct LearnedEntry {
  static constexpr size_t kMaxEvidence = 16;  // the latest ones
  static constexpr size_t kMaxText = 200;  // octets of rule, reason, id and what; the API takes 256

  Prefix prefix = {};
  int64_t learned = 0;      // Unix seconds
  int64_t expires = 0;      // likewise
  std::string rule = {};    // what decided: "offences", "harvesting", "signature NAME", "FILE:LINE"
  std::string reason = {};  // one line, which the engines show
  std::vector<Evidence> evidence = {};  // oldest first; never empty
};

}  // namespace postern::learning
