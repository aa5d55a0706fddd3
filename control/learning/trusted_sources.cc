// SPDX-License-Identifier: BSD-3-Clause
//
// Who sends every minute is not to be written every minute: a source that is trusted for nearly as
// long as it can be stays as it is.
#include "control/learning/trusted_sources.h"

#include <algorithm>
#include <utility>

namespace postern::learning {

bool TrustedSources::note(const Prefix& source, std::string_view domain, double reputation,
                          int64_t now) {
  if (options_.trust_for <= 0 || domain.empty() || reputation < options_.least_reputation)
    return false;
  const bool fresh = sources_.find(source, expiry(now) - options_.trust_for / 16) != nullptr;
  if (fresh) return false;
  sources_.put(source, std::string(domain), expiry(now));
  return true;
}

bool TrustedSources::restore(const Prefix& source, std::string domain, int64_t expires,
                             int64_t now) {
  expires = std::min(expires, expiry(now));
  // Or it is known for as long.
  if (options_.trust_for <= 0 || expires <= now || sources_.find(source, expires - 1) != nullptr)
    return false;
  sources_.put(source, std::move(domain), expires);
  return true;
}

const std::string* TrustedSources::any_within(const Prefix& prefix, int64_t now) {
  const std::string* domain = nullptr;
  sources_.for_each_from(prefix, [&](const Prefix& source, const std::string& of, int64_t expires) {
    if (!prefix.contains(source.first())) return false;
    if (expires <= now) return true;
    domain = &of;
    return false;
  });
  return domain;
}

}  // namespace postern::learning
