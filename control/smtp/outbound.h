// SPDX-License-Identifier: BSD-3-Clause
//
// Outbound: what makes a proxy the door for the site's own mail on its way out: who may use it, the
// keys that its mail is signed with, and the tags of its envelope senders. Such mail is not judged;
// it goes to the proxy's farm, which are smarthosts, by the same rules: 250 only after theirs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "control/auth/dkim_sign.h"
#include "control/smtp/batv.h"
#include "control/smtp/envelope.h"
#include "rules/address/address.h"

namespace postern::smtp {

struct Outbound {
  std::vector<Prefix> clients;              // everybody else is refused at once
  auth::SigningService* signing = nullptr;  // null: nothing is signed
  std::shared_ptr<const Batv> batv = {};    // null: nothing is tagged; another one after a reload

  bool admits(const IpAddress& client) const {
    return std::ranges::any_of(clients, [&](const Prefix& it) { return it.contains(client); });
  }
  // The sender as it goes out.
  Sender tagged(Sender sender, int64_t now) const;
};

}  // namespace postern::smtp
