// SPDX-License-Identifier: BSD-3-Clause
//
// The cheap questions first.
#include "control/policy/greylisting.h"

#include <string>

#include "control/policy/role_address.h"
#include "control/policy/source_of.h"

namespace postern::policy {

std::optional<Refusal> hold_back(KnownSources& known, Greylist& greylist, const IpAddress& client,
                                 std::string_view sender, std::string_view recipient, int64_t now) {
  if (!greylist.enabled() || is_role_address(recipient) || known.knows(source_of(client), now))
    return std::nullopt;
  const auto wait = greylist.ask(client, sender, recipient, now);
  if (!wait) return std::nullopt;
  return Refusal{.code = 450,
                 .enhanced = "4.7.1",
                 .text = "your network is new here (greylisted); try again in " +
                         std::to_string(*wait) + " seconds"};
}

}  // namespace postern::policy
