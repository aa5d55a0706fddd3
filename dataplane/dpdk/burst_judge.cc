// SPDX-License-Identifier: BSD-3-Clause
//
// The stages of a burst (dataplane/dpdk/burst_judge.h).
#include "dataplane/dpdk/burst_judge.h"

#include <cstring>

namespace postern::dpdk {

void BurstJudge::parse(const ps_image& image, ps_port port, const Frame* frames,
                       uint32_t count) noexcept {
  image_ = image;
  port_ = port;
  uint32_t screened = 0;
  for (uint32_t i = 0; i < count; i++) {
    const auto parsed = ps_parse(frames[i].data, frames[i].end, &packets_[i]);
    parsed_[i] = parsed;
    screened_[screened] = i;
    if (ps_is_screened(parsed))
      screened++;
    else
      decisions_[i] = ps_decision_because(ps_unscreened(port, parsed));
  }
  screened_count_ = screened;
}

[[gnu::always_inline]] inline void BurstJudge::add_if(bool chosen, uint32_t number,
                                                      ps_family family, const ps_address& address,
                                                      Counts& counts) noexcept {
  uint32_t first;
  std::memcpy(&first, address.bytes, sizeof first);
  addresses_.v4[counts.v4] = PS_SWAP32(first);
  addresses_.v4_numbers[counts.v4] = number;
  addresses_.v6[counts.v6] = address;
  addresses_.v6_numbers[counts.v6] = number;
  counts.v4 += chosen & (family == PS_FAMILY_V4);
  counts.v6 += chosen & (family == PS_FAMILY_V6);
}

// Looks up what is in addresses_, and leaves the answers in found_.
template <typename LookUp>
void BurstJudge::look_up_each(const Counts& counts, LookUp look_up) noexcept {
  if (counts.v4 > 0) {
    look_up(addresses_.v4, counts.v4);
    for (uint32_t j = 0; j < counts.v4; j++) found_[addresses_.v4_numbers[j]] = answers_[j];
  }
  if (counts.v6 > 0) {
    look_up(addresses_.v6, counts.v6);
    for (uint32_t j = 0; j < counts.v6; j++) found_[addresses_.v6_numbers[j]] = answers_[j];
  }
}

void BurstJudge::look_up() noexcept {
  const auto classes = [&](const auto* addresses, uint32_t count) {
    classes_of(image_, addresses, count, answers_);
  };
  const auto service_sets = [&](const auto* addresses, uint32_t count) {
    service_sets_of(image_, addresses, count, answers_);
  };
  const bool outside = port_ == PS_PORT_WAN;

  Counts screened;
  for (uint32_t j = 0; j < screened_count_; j++) {
    const uint32_t i = screened_[j];
    const auto& packet = packets_[i];
    add_if(true, i, packet.family, outside ? packet.destination : packet.source, screened);
  }
  if (outside)
    look_up_each(screened, service_sets);
  else
    look_up_each(screened, classes);

  Counts judged;
  uint32_t undecided = 0;
  for (uint32_t j = 0; j < screened_count_; j++) {
    const uint32_t i = screened_[j];
    const auto& packet = packets_[i];
    ps_question question{};
    const auto reason =
        ps_screen_by(&image_, &tables_.dynamic, port_, parsed_[i], &packet, found_[i], &question);
    questions_[i] = question;
    const bool is_undecided = reason == PS_UNDECIDED;
    if (!is_undecided) decisions_[i] = ps_decision_because(reason);
    undecided_[undecided] = i;
    undecided += is_undecided;
    add_if(is_undecided, i, packet.family, *ps_judged_by(&packet, &question), judged);
  }
  undecided_count_ = undecided;
  look_up_each(judged, classes);
}

void BurstJudge::decide(uint64_t now_ns) noexcept {
  for (uint32_t j = 0; j < undecided_count_; j++) {
    const uint32_t i = undecided_[j];
    ps_decide_by(&image_, &tables_, &packets_[i], &questions_[i], found_[i], now_ns,
                 &decisions_[i]);
  }
}

}  // namespace postern::dpdk
