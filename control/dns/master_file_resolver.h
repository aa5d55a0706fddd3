// SPDX-License-Identifier: BSD-3-Clause
//
// MasterFileResolver: DNS answered from a master file and nothing else, for verifying offline. What
// the file does not hold does not exist.
#pragma once

#include <utility>

#include "control/dns/master_file.h"
#include "control/dns/resolver.h"

namespace postern::dns {

class MasterFileResolver : public Resolver {
 public:
  explicit MasterFileResolver(MasterFile zone) : zone_(std::move(zone)) {}

  boost::asio::awaitable<Answer> query(std::string name, RecordType type) override {
    co_return zone_.find(name, type);
  }

 private:
  MasterFile zone_;
};

}  // namespace postern::dns
