// SPDX-License-Identifier: BSD-3-Clause
//
// Backscatter: reports, mostly of failure, of mail that was sent in our users' names by somebody
// else. They come with the null sender (RFC 5321 §4.5.5) from hosts that mean no harm. What a site
// asks of such mail at RCPT: that the recipient carries a tag of ours (Batv), where its domain
// checks; and that it is not too much, from one source and to one domain.
//
// Tags are taken off all recipients of domains that tag, whoever the sender: a reply may go to the
// envelope's sender as well. postmaster and abuse are asked for no tag, for reports that concern no
// mail of ours go there; nor are exempt sources (protected, allowed, accredited).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "control/policy/rate_table.h"
#include "control/policy/source_limits.h"
#include "control/smtp/batv.h"
#include "control/smtp/reply.h"
#include "rules/address/address.h"

namespace postern::smtp {

class Backscatter {
 public:
  struct Options {
    policy::Rate per_domain = {};  // of the recipients; count 0: without limit
    size_t capacity = 100'000;     // domains
  };
  // limits: those of sources, with the rate of null senders; outlives this.
  Backscatter(const Options& options, policy::SourceLimits& limits)
      : per_domain_(options.per_domain), domains_(options.capacity), limits_(limits) {}

  // Another one after a reload; null: no tags.
  void use(std::shared_ptr<const Batv> batv) { batv_ = std::move(batv); }

  // A message as it is at RCPT.
  struct Mail {
    std::string_view sender;  // empty: null
    Prefix source;
    bool exempt = false;
    int64_t now = 0;     // Unix seconds
    int64_t uptime = 0;  // milliseconds of a clock that does not go back
  };
  // Before anybody else sees the recipient, which loses its tag here. nullopt: nothing is against
  // it.
  std::optional<Reply> admit(const Mail& mail, std::string& recipient);
  // Once it is known that there is such a recipient. What had to prove itself does not count.
  std::optional<Reply> limit(const Mail& mail, std::string_view recipient);

 private:
  std::shared_ptr<const Batv> batv_;
  policy::Rate per_domain_;
  policy::RateTable<std::string> domains_;
  policy::SourceLimits& limits_;
};

}  // namespace postern::smtp
