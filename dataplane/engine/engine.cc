// SPDX-License-Identifier: BSD-3-Clause
//
// What is the same for every engine (dataplane/engine/engine.h).
#include "dataplane/engine/engine.h"

#include <spdlog/spdlog.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "rules/snapshot/features.h"

namespace postern {
namespace {

// Each item as one store, as a reader's one load expects it.
template <typename Word, typename Item>
void store_items(std::byte* place, const std::vector<Item>& items) noexcept {
  static_assert(sizeof(Word) == sizeof(Item));
  auto* words = reinterpret_cast<Word*>(place);
  for (const auto& item : items) {
    const auto word = std::bit_cast<Word>(item);
    const std::atomic_ref<Word> cell(*words++);
    if (cell.load(std::memory_order_relaxed) != word) cell.store(word, std::memory_order_relaxed);
  }
}

}  // namespace

ps_counters sum_of(std::span<const PortPair> pairs) noexcept {
  constexpr size_t kWords = sizeof(ps_counters) / sizeof(uint64_t);
  static_assert(sizeof(ps_counters) == kWords * sizeof(uint64_t), "nothing but counts");
  std::array<uint64_t, kWords> total{};
  for (const auto& pair : pairs) {
    const auto counts = std::bit_cast<std::array<uint64_t, kWords>>(pair.counters);
    for (size_t i = 0; i < kWords; i++) total[i] += counts[i];
  }
  return std::bit_cast<ps_counters>(total);
}

void Engine::load(std::shared_ptr<const Snapshot> snapshot) {
  if (const uint32_t missing = snapshot->header().features & ~features(); missing != 0)
    throw std::runtime_error(snapshot->name() +
                             " has rules that this engine does not do: " + feature_words(missing));
  tally_.settle(put_into_force(snapshot));
  tally_.adopt(std::move(snapshot));
}

const RuleTotals& Engine::rule_totals() {
  tally_.settle(rule_counts());
  return tally_.totals();
}

void Engine::remember() const noexcept {
  const auto in_force = snapshot();
  if (!last_good_ || !in_force) return;
  try {
    last_good_->keep(*in_force);
  } catch (const std::exception& error) {
    spdlog::warn("event=last-good-not-kept error=\"{}\"", error.what());
  }
}

void Engine::store_matrix(const MatrixAt& matrix) {
  const auto image = live_image();
  const auto in_force = snapshot();
  if (image.empty() || !in_force) return;
  const auto& header = in_force->header();
  const auto at = [&](uint32_t block) { return image.data() + size_t{block} * PS_BLOCK_BYTES; };
  if (matrix.cells.size() != size_t{header.policy_count} * header.class_count) return;
  tally_.settle(rule_counts());
  store_items<uint64_t>(at(header.matrix), matrix.cells);
  if (header.outbound != 0 && matrix.outbound.size() == header.class_count)
    store_items<uint32_t>(at(header.outbound), matrix.outbound);
  tally_.change(matrix);
}

}  // namespace postern
