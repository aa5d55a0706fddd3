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

// What from outside is screened by. Most of it is for one address of each family, so that of the
// burst's first, and only what is for another is looked up.
void BurstJudge::screen_by_services() noexcept {
  ps_address known[2]{};
  uint32_t known_sets[2] = {};
  bool is_known[2] = {};
  Counts counts;
  for (uint32_t j = 0; j < screened_count_; j++) {
    const uint32_t i = screened_[j];
    const auto& packet = packets_[i];
    const unsigned family = packet.family == PS_FAMILY_V6;
    if (!is_known[family]) {
      is_known[family] = true;
      known[family] = packet.destination;
      known_sets[family] = ps_service_set_of(&image_, packet.family, &packet.destination);
    }
    found_[i] = known_sets[family];
    const bool differs =
        std::memcmp(&known[family], &packet.destination, sizeof packet.destination) != 0;
    add_if(differs, i, packet.family, packet.destination, counts);
  }
  look_up_each(counts, [&](const auto* addresses, uint32_t count) {
    service_sets_of(image_, addresses, count, answers_);
  });
}

// What from the inside is screened by.
void BurstJudge::screen_by_classes() noexcept {
  Counts counts;
  for (uint32_t j = 0; j < screened_count_; j++) {
    const auto& packet = packets_[screened_[j]];
    add_if(true, screened_[j], packet.family, packet.source, counts);
  }
  look_up_each(counts, [&](const auto* addresses, uint32_t count) {
    classes_of(image_, addresses, count, answers_);
  });
}

void BurstJudge::look_up() noexcept {
  if (port_ == PS_PORT_WAN)
    screen_by_services();
  else
    screen_by_classes();

  Counts judged;
  uint32_t undecided = 0;
  for (uint32_t j = 0; j < screened_count_; j++) {
    const uint32_t i = screened_[j];
    const auto& packet = packets_[i];
    auto& question = questions_[i];
    question = {};
    const auto reason = ps_screen_by(&image_, &tables_.dynamic, port_, parsed_[i], &packet,
                                     found_[i], &question);
    const bool is_undecided = reason == PS_UNDECIDED;
    if (!is_undecided) decisions_[i] = ps_decision_because(reason);
    undecided_[undecided] = i;
    undecided += is_undecided;
    add_if(is_undecided, i, packet.family, *ps_judged_by(&packet, &question), judged);
  }
  undecided_count_ = undecided;
  look_up_each(judged, [&](const auto* addresses, uint32_t count) {
    classes_of(image_, addresses, count, answers_);
  });
}

// Of an image that is not sound, or none, no cell.
BurstJudge::Matrix BurstJudge::matrix() const noexcept {
  ps_image image = image_;
  const auto* header = ps_image_header(&image);
  if (!header) return {nullptr, 0, 0};
  const uint64_t cells = uint64_t{header->policy_count} * header->class_count;
  if (header->matrix >= image.count || cells > (image.count - header->matrix) * uint64_t{8})
    return {nullptr, 0, 0};
  return {reinterpret_cast<const ps_verdict*>(&image.blocks[header->matrix]), header->policy_count,
          header->class_count};
}

// A function of its own, so that what it is about (cookies, limits) does not take the registers of
// the loop that seldom calls it.
[[gnu::noinline]] void BurstJudge::decide_whole(uint32_t frame, uint64_t now_ns) noexcept {
  ps_decide_by(&image_, &tables_, &packets_[frame], &questions_[frame], found_[frame], now_ns,
               &decisions_[frame]);
}

void BurstJudge::decide(uint64_t now_ns) noexcept {
  const auto [cells, policies, classes] = matrix();
  const bool by_verdicts = cells != nullptr && !ps_dynamic_in_use(&tables_.dynamic);
  for (uint32_t j = 0; j < undecided_count_; j++) {
    const uint32_t i = undecided_[j];
    const uint32_t policy = questions_[i].policy, address_class = found_[i];
    if (by_verdicts && policy < policies && address_class < classes &&
        ps_is_attempt(&packets_[i])) {
      const uint32_t cell = policy * classes + address_class;
      const auto verdict = cells[cell];
      if (ps_decides_alone(verdict)) {
        ps_decide_alone(verdict, cell + 1, &decisions_[i]);
        continue;
      }
    }
    decide_whole(i, now_ns);
  }
}

}  // namespace postern::dpdk
