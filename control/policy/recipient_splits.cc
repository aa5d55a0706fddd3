// SPDX-License-Identifier: BSD-3-Clause
//
// A block is known by its header as it is written, so that a reload of the policy changes nothing.
#include "control/policy/recipient_splits.h"

#include <xxhash.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>

#include "control/dns/domain_name.h"

namespace postern::policy {
namespace {

// What is written on the message: the field names the rule.
std::string_view written_on(const Disposition& disposition) noexcept {
  const bool writes =
      disposition.action == Action::kTag || disposition.action == Action::kQuarantine;
  return writes ? std::string_view(disposition.rule) : std::string_view();
}

bool agree(const Disposition& a, const Disposition& b) noexcept {
  return a.action == b.action && written_on(a) == written_on(b);
}

uint64_t random_key() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

bool agree(const std::vector<Party>& parties) noexcept {
  return std::all_of(parties.begin(), parties.end(), [&](const Party& party) {
    return agree(party.disposition, parties.front().disposition);
  });
}

RecipientSplits::RecipientSplits() : RecipientSplits(Options(), random_key()) {}

RecipientSplits::RecipientSplits(const Options& options, uint64_t hash_key)
    : options_(options), hash_key_(hash_key), standings_(options.capacity) {}

uint64_t RecipientSplits::key_of(std::string_view sender, std::string_view block) const {
  // A NUL is in no address: no two pairs are one text.
  const std::string both = dns::ascii_lower(sender) + '\0' + std::string(block);
  return XXH3_64bits_withSeed(both.data(), both.size(), hash_key_);
}

std::optional<RecipientSplits::Standing> RecipientSplits::find(std::string_view sender,
                                                               std::string_view block,
                                                               int64_t now) {
  const auto* known = standings_.find(key_of(sender, block), now);
  return known == nullptr ? std::nullopt : std::optional(*known);
}

void RecipientSplits::set(std::string_view sender, std::string_view block, Standing standing,
                          int64_t now) {
  standings_.expire(now);
  const uint64_t forgotten = standings_.forgotten();
  standings_.put(key_of(sender, block), standing, now + options_.keep_for);
  if (standings_.forgotten() != forgotten) crowded_until_ = now + options_.keep_for;
}

void RecipientSplits::remember(std::string_view sender, const std::vector<Party>& parties,
                               int64_t now) {
  const bool again = std::any_of(parties.begin(), parties.end(), [&](const Party& party) {
    return find(sender, party.block, now).has_value();
  });
  const auto strictest =
      std::max_element(parties.begin(), parties.end(), [](const Party& a, const Party& b) {
        return a.disposition.action < b.disposition.action;
      })->disposition.action;
  std::map<std::pair<Action, std::string_view>, uint64_t> sides;
  for (const auto& [block, disposition] : parties) {
    uint64_t& side = sides[{disposition.action, written_on(disposition)}];
    if (side == 0 || again) side = next_side_++;
    set(sender, block, {.side = side, .stands_back = disposition.action != strictest}, now);
  }
}

void RecipientSplits::pass_over(std::string_view sender, std::string_view passed,
                                const std::vector<std::string_view>& taken, Sides strangers,
                                int64_t now) {
  for (const auto block : taken) {
    const auto known = find(sender, block, now);
    set(sender, block, {.side = known ? known->side : strangers.taken, .stands_back = true}, now);
  }
  const auto known = find(sender, passed, now);
  set(sender, passed, {.side = known ? known->side : strangers.passed, .stands_back = false}, now);
}

}  // namespace postern::policy
