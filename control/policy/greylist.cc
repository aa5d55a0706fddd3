// SPDX-License-Identifier: BSD-3-Clause
//
// An attempt is forgotten as soon as it has made its network known.
#include "control/policy/greylist.h"

#include <xxhash.h>

#include <string>

namespace postern::policy {

Prefix Greylist::network_of(const IpAddress& client) {
  return *Prefix::make(client, client.is_v4() ? 24 : 64, Prefix::HostBits::kMask);
}

uint64_t Greylist::hash(std::string_view address) const {
  std::string lower(address);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return XXH3_64bits_withSeed(lower.data(), lower.size(), hash_key_);
}

std::optional<int64_t> Greylist::ask(const IpAddress& client, std::string_view sender,
                                     std::string_view recipient, int64_t now) {
  if (!enabled()) return std::nullopt;
  const Prefix network = network_of(client);
  if (networks_.knows(network, now)) {
    networks_.remember(network, now);
    return std::nullopt;
  }
  const Attempt attempt{network, hash(sender), hash(recipient)};
  const int64_t* first = attempts_.find(attempt, now);
  if (first == nullptr) {
    attempts_.put(attempt, now, now + options_.delay + options_.keep_for);
    return options_.delay;
  }
  const int64_t left = *first + options_.delay - now;
  // A clock that was set back must not make anybody wait for longer than from the beginning.
  if (left > options_.delay) {
    attempts_.put(attempt, now, now + options_.delay + options_.keep_for);
    return options_.delay;
  }
  if (left > 0) return left;
  attempts_.erase(attempt);
  networks_.remember(network, now);
  return std::nullopt;
}

}  // namespace postern::policy
