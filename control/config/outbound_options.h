// SPDX-License-Identifier: BSD-3-Clause
//
// What the site says of its own mail on its way out, and of reports that come back: the outbound
// listener, its clients and smarthosts, the keys that sign, and the tags of envelope senders.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <string>
#include <vector>

#include "control/config/value.h"
#include "control/config/values.h"
#include "control/smtp/backend.h"
#include "control/smtp/backscatter.h"
#include "rules/address/address.h"

namespace postern::config {

struct OutboundOptions {
  std::vector<AddressAndPort> listen;     // empty: no outbound listener
  std::vector<Prefix> clients;            // whose mail is the site's own
  std::vector<smtp::Backend> smarthosts;  // where it goes
  std::string dkim_keys;                  // file; empty: nothing is signed
  std::string batv;                       // file; empty: no tags
  smtp::Backscatter::Options backscatter;
};

// The settings, their defaults and what they mean.
boost::program_options::options_description outbound_settings();

// runs_milter: keys may be given for it alone. Throws UsageError or BadInput.
OutboundOptions read_outbound(const Values& values, bool runs_milter);

}  // namespace postern::config
