// SPDX-License-Identifier: BSD-3-Clause
//
// Greylist: the first attempt to send from an unknown network is deferred; who comes again after a
// while has a queue, as mail servers have, and its network is then known. Keyed by network (IPv4
// /24, IPv6 /64), sender and recipient, because the queues of large sites try again from other
// addresses; where even their networks differ, policy exempts them. Bounded; an attempt that is
// forgotten counts as a first one again: the table fails towards delay.
//
// Addresses are kept as a hash only (64 bits, keyed anew in each process, so that nobody can
// prepare two that collide).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <tuple>

#include "control/policy/expiring_table.h"
#include "control/policy/known_sources.h"
#include "rules/address/address.h"

namespace postern::policy {

class Greylist {
 public:
  struct Options {
    int64_t delay = 0;             // seconds until a repeated attempt is taken; 0: no greylisting
    int64_t keep_for = 2 * 86400;  // how long the second attempt is waited for
    size_t capacity = 200'000;     // attempts
    KnownSources::Options networks = {.capacity = 100'000, .known_for = 36 * 86400};
  };
  Greylist(const Options& options, uint64_t hash_key)
      : options_(options),
        hash_key_(hash_key),
        attempts_(options.capacity),
        networks_(options.networks) {}

  // nullopt: it may pass; otherwise how many seconds are still to go by. Local parts and domains
  // count without regard to case. now: Unix seconds.
  std::optional<int64_t> ask(const IpAddress& client, std::string_view sender,
                             std::string_view recipient, int64_t now);

  bool enabled() const noexcept { return options_.delay > 0; }
  KnownSources& networks() noexcept { return networks_; }
  static Prefix network_of(const IpAddress& client);

 private:
  using Attempt = std::tuple<Prefix, uint64_t, uint64_t>;
  uint64_t hash(std::string_view address) const;

  Options options_;
  uint64_t hash_key_;
  ExpiringTable<Attempt, int64_t> attempts_;  // when the first one was
  KnownSources networks_;
};

}  // namespace postern::policy
