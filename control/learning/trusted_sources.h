// SPDX-License-Identifier: BSD-3-Clause
//
// TrustedSources: addresses that recently sent authenticated mail of a well-reputed domain, and are
// therefore not told to the packet engines, whatever else they do: behind them is a mail server
// with customers of both kinds. A source is one IPv4 address or one IPv6 /64. Bounded; when it is
// full, the source that is forgotten first anyway goes, and may be learned again: the table fails
// towards learning, which still needs all its evidence. It makes nobody's mail acceptable.
//
// Limits: a signed message can be sent again by anybody (RFC 6376 §8.6), so a bot may buy itself
// this much with one message that was taken; it is judged as ever, and only at SMTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "control/policy/expiring_table.h"
#include "rules/address/address.h"

namespace postern::learning {

class TrustedSources {
 public:
  struct Options {
    size_t capacity = 100'000;
    int64_t trust_for = 7 * 86400;  // seconds after the last such mail; 0: nobody is trusted
    double least_reputation = 0.9;  // of the signing domain, before the message
  };
  explicit TrustedSources(const Options& options) : options_(options), sources_(options.capacity) {}

  // Times are Unix seconds. True where it is worth writing down: not for each message of a source.
  bool note(const Prefix& source, std::string_view domain, double reputation, int64_t now);
  // As it was written down, by us or by another process; never for longer than it could be, and not
  // where it is known for longer. True: it is trusted, or for longer, by this.
  bool restore(const Prefix& source, std::string domain, int64_t expires, int64_t now);

  // The domain that it is trusted for; nullptr: it is not trusted. Valid until the table changes.
  const std::string* domain_of(const Prefix& source, int64_t now) {
    return sources_.find(source, now);
  }
  // Likewise of any source within the prefix.
  const std::string* any_within(const Prefix& prefix, int64_t now);

  size_t size() const noexcept { return sources_.size(); }
  int64_t expiry(int64_t now) const noexcept { return now + options_.trust_for; }

 private:
  Options options_;
  policy::ExpiringTable<Prefix, std::string> sources_;
};

}  // namespace postern::learning
