// SPDX-License-Identifier: BSD-3-Clause
//
// Where a worker's cycles go (`--profile`): cycles of the time stamp counter per stage of a burst,
// counted by the worker, read from any thread. Polls that find nothing are not counted. A poll loop
// is compiled twice, and the one that is not profiled has none of this.
#pragma once

#include <rte_cycles.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::dpdk {

enum class Stage { kReceive, kParse, kLookUp, kDecide, kAct, kSend };
inline constexpr std::array<std::string_view, 6> kStageWords = {"receive", "parse", "look-up",
                                                                "decide",  "act",   "send"};

struct Profile {
  uint64_t packets = 0, bursts = 0;
  std::array<uint64_t, kStageWords.size()> cycles{};
};

// `packets=N bursts=N cycles-per-packet=N receive=N ...`, for the log; cycles with one decimal.
std::string to_string(const Profile& profile);

// The time between two laps goes to the stage that ends with the second.
template <bool profiled>
class Stopwatch {
 public:
  explicit Stopwatch(Profile& profile) noexcept : profile_(profile), last_(rte_rdtsc()) {}
  void lap(Stage stage) noexcept {
    const auto now = rte_rdtsc();
    spent_[static_cast<size_t>(stage)] += now - last_;
    last_ = now;
  }
  // Once per burst that was not empty: until then nothing is counted.
  void end(unsigned packets) noexcept {
    const auto add = [](uint64_t& counter, uint64_t by) {
      __atomic_store_n(&counter, counter + by, __ATOMIC_RELAXED);
    };
    add(profile_.packets, packets);
    add(profile_.bursts, 1);
    for (size_t i = 0; i < spent_.size(); i++) add(profile_.cycles[i], spent_[i]);
  }

 private:
  Profile& profile_;
  uint64_t last_;
  std::array<uint64_t, kStageWords.size()> spent_{};
};

template <>
class Stopwatch<false> {
 public:
  explicit Stopwatch(Profile&) noexcept {}
  void lap(Stage) noexcept {}
  void end(unsigned) noexcept {}
};

}  // namespace postern::dpdk
