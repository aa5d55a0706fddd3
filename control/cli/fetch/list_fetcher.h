// SPDX-License-Identifier: BSD-3-Clause
//
// ListFetcher: brings the feed of one list and puts it in the place of the list's file, when it is
// all that the policy asks for: whole, of bounded size, as its checksum and signature say, and a
// list that compiling would take. Otherwise it changes nothing.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

#include "control/cli/fetch/transport.h"
#include "rules/policy/policy.h"

namespace postern::cli {

// Why the file was left as it is, in one line.
class NotFetched : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct FetchedList {
  bool not_modified = false;  // the file is what the server has
  uint64_t bytes = 0;         // transferred
  uint64_t entries = 0;       // 0 when not modified
  int64_t modified_at = 0;    // of the file, Unix seconds
};

class ListFetcher {
 public:
  // now: Unix seconds. Both outlive this.
  ListFetcher(Transport& transport, const Policy& policy, int64_t now)
      : transport_(transport), policy_(policy), now_(now) {}

  // The list has a fetch declaration. Throws NotFetched.
  FetchedList fetch(const ListDeclaration& list);

 private:
  FetchedList bring(const ListDeclaration& list);
  void prove(const ListDeclaration& list, const std::string& body, const std::string& key);

  Transport& transport_;
  const Policy& policy_;
  const int64_t now_;
};

}  // namespace postern::cli
