// SPDX-License-Identifier: BSD-3-Clause
//
// UnboundResolver: DNS through libunbound, a caching, validating resolver inside this process, on
// the Asio loop of its user. One per loop; all calls come from the thread that runs the loop.
//
// libunbound cannot be made to stop: a question that nobody waits for any more goes on until its
// servers have been tried, and costs memory until then. So questions are counted from their
// beginning to libunbound's end with them, and bounded, in all and for each zone: servers that say
// nothing, and whoever has us ask them, fill the part of their zone and not everybody's. Beyond a
// bound a question has failed at once, which may only defer mail.
//
// An answer is Origin::kReached where it was fetched, from the root down or from a forwarder. What
// a stub says of its zone is the site's own word, and so is what anybody may answer by himself
// (local_name.h): Origin::kKept, as from the cache.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "control/dns/resolver.h"

namespace postern::dns {

class UnboundResolver : public Resolver {
 public:
  struct Options {
    // "192.0.2.53", "127.0.0.1@5353": all questions go there. Empty: we recurse from the root.
    std::vector<std::string> forward_to;
    // One zone asked of one server, whatever forward_to says ("example.org", "127.0.0.1@5353").
    struct Stub {
      std::string zone;
      std::string server;
    };
    std::vector<Stub> stubs;
    // Of one query, however many servers it takes. Longer than that is Status::kFailed.
    std::chrono::milliseconds deadline{5000};
    size_t max_questions = 4096;  // under way at a time; what the cache knows is none
    size_t max_per_zone = 256;    // as SilentZones::zone_of() has zones
    // DNSSEC. Bogus answers are Status::kFailed, proven ones Answer::secure. The servers must then
    // hand out signatures up to the root.
    bool validate = false;
    // Master file with DS or DNSKEY records; empty: the root's keys of 2017 and 2024.
    std::string trust_anchor_file;
  };

  // Throws std::runtime_error naming the option that libunbound refuses. The loop outlives this.
  UnboundResolver(boost::asio::io_context& loop, Options options);
  // Queries in flight end as if they had been cancelled.
  ~UnboundResolver() override;
  UnboundResolver(const UnboundResolver&) = delete;
  UnboundResolver& operator=(const UnboundResolver&) = delete;

  boost::asio::awaitable<Answer> query(std::string name, RecordType type) override;

  // Questions that libunbound is at work on, also for nobody.
  size_t under_way() const noexcept;

 private:
  struct Implementation;
  std::shared_ptr<Implementation> implementation_;  // also held by queries in flight
};

}  // namespace postern::dns
