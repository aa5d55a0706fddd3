// SPDX-License-Identifier: BSD-3-Clause
//
// Makes a file of learned entries as postern-control would, for tests of the command line:
// learned_sample FILE. Two entries and a trusted source.
#include <cstdio>
#include <ctime>
#include <exception>

#include "control/learning/learned_file.h"

int main(int count, char** words) {
  using namespace postern::learning;
  if (count != 2) return 2;
  const auto prefix = [](const char* text) {
    return *postern::Prefix::parse(text, postern::Prefix::HostBits::kRefuse);
  };
  const int64_t now = std::time(nullptr);
  LearnedChanges changes;
  const LearnedEntry talker{.prefix = prefix("203.0.113.7/32"),
                            .learned = now - 1070,
                            .expires = now + 2530,
                            .rule = "offences",
                            .reason = "3 offences in 41 s: spoke before the greeting (3)",
                            .evidence = {{now - 1111, "69573a2c-1f", "spoke before the greeting"},
                                         {now - 1090, "69573a41-23", "spoke before the greeting"},
                                         {now - 1070, "69573a55-2c", "spoke before the greeting"}}};
  const LearnedEntry rude{.prefix = prefix("2001:db8:1:2::/64"),
                          .learned = now - 60,
                          .expires = now + 86340,
                          .rule = "signature rude",
                          .reason = "signature rude",
                          .evidence = {{now - 60, "69573b00-9", "said HELO rude7"}}};
  changes.entries[talker.prefix] = talker;
  changes.entries[rude.prefix] = rude;
  changes.trusted[prefix("198.51.100.1/32")] = {"good.example", now + 86400};
  try {
    LearnedFile(words[1], LearnedFile::Purpose::kKeep).write(changes, now, 100, 100);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "learned_sample: %s\n", error.what());
    return 1;
  }
  return 0;
}
