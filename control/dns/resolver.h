// SPDX-License-Identifier: BSD-3-Clause
//
// Resolver: DNS as an interface, so that whoever verifies can be given a real resolver
// (unbound_resolver.h), a master file (master_file_resolver.h) or one that a test scripts.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>

#include "control/dns/record.h"

namespace postern::dns {

class Resolver {
 public:
  virtual ~Resolver() = default;
  // name: A-labels, with or without the final dot. Never throws for what DNS says; only
  // cancellation of the awaiting coroutine throws. The resolver outlives the query.
  virtual boost::asio::awaitable<Answer> query(std::string name, RecordType type) = 0;
};

}  // namespace postern::dns
