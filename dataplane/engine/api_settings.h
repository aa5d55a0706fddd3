// SPDX-License-Identifier: BSD-3-Clause
//
// ApiSettings: what an operator may set about the management API, of both engines alike.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/engine/sample_feed.h"

namespace postern {

struct ApiSettings {
  std::string socket = {};  // path of the Unix socket
  // Names or numbers of groups: who may change, and who may only see. Empty: whoever the socket's
  // file lets in may change.
  std::string operators = {}, readers = {};
  // Over TCP, too: "ADDRESS:PORT", empty: not; with files in PEM, and the names in certificates
  // that make an operator.
  std::string listen = {}, certificate = {}, key = {}, authority = {};
  std::vector<std::string> operator_names = {};
  std::string audit = {};  // path of the audit log; empty: the normal log alone
  // Samples that are taken in a second while somebody asks for them, about; 0 allows none.
  uint64_t samples_per_second = SampleFeed::kDefaultPerSecond;
};

}  // namespace postern
