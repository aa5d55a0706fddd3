// SPDX-License-Identifier: BSD-3-Clause
//
// The profile as a line (dataplane/dpdk/profile.h).
#include "dataplane/dpdk/profile.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

namespace postern::dpdk {

std::string to_string(const Profile& profile) {
  const auto packets = static_cast<double>(std::max<uint64_t>(profile.packets, 1));
  const auto per_packet = [&](uint64_t cycles) { return static_cast<double>(cycles) / packets; };
  const auto all = std::accumulate(profile.cycles.begin(), profile.cycles.end(), uint64_t{0});
  auto text = fmt::format("packets={} bursts={} cycles-per-packet={:.1f}", profile.packets,
                          profile.bursts, per_packet(all));
  for (size_t stage = 0; stage < kStageWords.size(); stage++)
    text += fmt::format(" {}={:.1f}", kStageWords[stage], per_packet(profile.cycles[stage]));
  return text;
}

}  // namespace postern::dpdk
