// SPDX-License-Identifier: BSD-3-Clause
//
// The stages of a burst (dataplane/dpdk/burst_judge.h).
#include "dataplane/dpdk/burst_judge.h"

namespace postern::dpdk {

void BurstJudge::begin(const ps_image& image, ps_port port) noexcept {
  image_ = image;
  port_ = port;
  count_ = 0;
  screened_.count = 0;
}

void BurstJudge::parse(const uint8_t* data, const uint8_t* end) noexcept {
  const auto parsed = ps_parse(data, end, &packets_[count_]);
  parsed_[count_] = parsed;
  screened_.add_if(ps_is_screened(parsed), count_);
  if (!ps_is_screened(parsed))
    decisions_[count_] = ps_decision_because(ps_unscreened(port_, parsed));
  count_++;
}

// Looks up what is in addresses_, and leaves the answers in found_.
template <typename LookUp>
void BurstJudge::look_up_each(LookUp look_up) noexcept {
  look_up(addresses_.v4_addresses, addresses_.v4.count);
  for (uint32_t j = 0; j < addresses_.v4.count; j++) found_[addresses_.v4.numbers[j]] = answers_[j];
  look_up(addresses_.v6_addresses, addresses_.v6.count);
  for (uint32_t j = 0; j < addresses_.v6.count; j++) found_[addresses_.v6.numbers[j]] = answers_[j];
}

void BurstJudge::look_up() noexcept {
  const auto classes = [&](const auto* addresses, uint32_t count) {
    if (count > 0) classes_of(image_, addresses, count, answers_);
  };
  const auto service_sets = [&](const auto* addresses, uint32_t count) {
    if (count > 0) service_sets_of(image_, addresses, count, answers_);
  };
  const bool outside = port_ == PS_PORT_WAN;

  addresses_.clear();
  for (uint32_t j = 0; j < screened_.count; j++) {
    const uint32_t i = screened_.numbers[j];
    const auto& packet = packets_[i];
    addresses_.add_if(true, i, packet.family, outside ? packet.destination : packet.source);
  }
  if (outside)
    look_up_each(service_sets);
  else
    look_up_each(classes);

  addresses_.clear();
  undecided_.count = 0;
  for (uint32_t j = 0; j < screened_.count; j++) {
    const uint32_t i = screened_.numbers[j];
    const auto& packet = packets_[i];
    questions_[i] = {};
    const auto reason = ps_screen_by(&image_, &tables_.dynamic, port_, parsed_[i], &packet,
                                     found_[i], &questions_[i]);
    const bool undecided = reason == PS_UNDECIDED;
    undecided_.add_if(undecided, i);
    addresses_.add_if(undecided, i, packet.family, *ps_judged_by(&packet, &questions_[i]));
    if (!undecided) decisions_[i] = ps_decision_because(reason);
  }
  look_up_each(classes);
}

void BurstJudge::decide(uint64_t now_ns) noexcept {
  for (uint32_t j = 0; j < undecided_.count; j++) {
    const uint32_t i = undecided_.numbers[j];
    decisions_[i] =
        ps_decide_by(&image_, &tables_, &packets_[i], &questions_[i], found_[i], now_ns);
  }
}

}  // namespace postern::dpdk
