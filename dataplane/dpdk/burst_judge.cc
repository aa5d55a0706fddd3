// SPDX-License-Identifier: BSD-3-Clause
//
// The stages of a burst (dataplane/dpdk/burst_judge.h).
#include "dataplane/dpdk/burst_judge.h"

#include <cstring>

namespace postern::dpdk {
namespace {

template <typename Key>
Key key_of(const ps_address& address) noexcept;
template <>
uint32_t key_of<uint32_t>(const ps_address& address) noexcept {
  uint32_t first;
  std::memcpy(&first, address.bytes, sizeof first);
  return PS_SWAP32(first);
}
template <>
ps_address key_of<ps_address>(const ps_address& address) noexcept {
  return address;
}

}  // namespace

void BurstJudge::parse(const ps_image& image, ps_port port, const Frame* frames,
                       uint32_t count) noexcept {
  image_ = image;
  port_ = port;
  undecided_ = 0;
  uint32_t v4 = 0, v6 = 0;
  for (uint32_t i = 0; i < count; i++) {
    const auto parsed = ps_parse(frames[i].data, frames[i].end, &packets_[i]);
    parsed_[i] = parsed;
    const bool screened = ps_is_screened(parsed);
    if (!screened) decisions_[i] = ps_decision_because(ps_unscreened(port, parsed));
    v4_.frames[v4] = v6_.frames[v6] = i;
    v4 += screened & (packets_[i].family == PS_FAMILY_V4);
    v6 += screened & (packets_[i].family == PS_FAMILY_V6);
  }
  v4_.count = v4;
  v6_.count = v6;
}

template <typename Key>
void BurstJudge::look_up(Family<Key>& family) noexcept {
  if (family.count == 0) return;
  const bool outside = port_ == PS_PORT_WAN;
  for (uint32_t j = 0; j < family.count; j++) {
    const auto& packet = packets_[family.frames[j]];
    family.keys[j] = key_of<Key>(outside ? packet.destination : packet.source);
    family.vlans[j] = packet.vlan;
  }
  if (outside)
    service_sets_of(image_, family.keys, family.vlans, family.count, answers_);
  else
    classes_of(image_, family.keys, family.count, answers_);

  uint32_t count = 0;
  for (uint32_t j = 0; j < family.count; j++) {
    const uint32_t i = family.frames[j];
    const auto& packet = packets_[i];
    auto& question = questions_[i];
    question = {};
    const auto reason =
        ps_screen_by(&image_, &tables_.dynamic, port_, parsed_[i], &packet, answers_[j], &question);
    const bool undecided = reason == PS_UNDECIDED;
    if (!undecided) decisions_[i] = ps_decision_because(reason);
    undecided_ |= uint64_t{undecided} << i;
    family.frames[count] = i;
    family.keys[count] = key_of<Key>(*ps_judged_by(&packet, &question));
    count += undecided;
  }
  classes_of(image_, family.keys, count, answers_);
  for (uint32_t j = 0; j < count; j++) classes_[family.frames[j]] = answers_[j];
}

void BurstJudge::look_up() noexcept {
  look_up(v4_);
  look_up(v6_);
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
  ps_decide_by(&image_, &tables_, &packets_[frame], &questions_[frame], classes_[frame], now_ns,
               &decisions_[frame]);
}

void BurstJudge::decide(uint64_t now_ns) noexcept {
  const auto [cells, policies, classes] = matrix();
  const bool by_verdicts = cells != nullptr && !ps_dynamic_in_use(&tables_.dynamic);
  for (uint64_t left = undecided_; left != 0; left &= left - 1) {
    const auto i = static_cast<uint32_t>(__builtin_ctzll(left));
    const uint32_t policy = questions_[i].policy, address_class = classes_[i];
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
