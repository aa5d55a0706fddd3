// SPDX-License-Identifier: BSD-3-Clause
//
// Forward-confirmed reverse DNS: the names that an address says it has (PTR), and which of them say
// that they have the address (A or AAAA). Only the latter are the sender's own word and the owner
// of the name's as well; a name that is not confirmed may be anybody's. This is `iprev` of RFC 8601
// §2.7.3. A fault of the DNS is a result of its own: it never counts as "no name".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::dns {

struct ReverseLookup {
  static constexpr size_t kMaxNames = 10;

  // What RFC 8601 calls it: pass, fail, permerror, temperror.
  enum class Status : uint8_t {
    kConfirmed,    // at least one name has the address
    kUnconfirmed,  // there are names, and none of them has it
    kNone,         // the DNS says that the address has no name
    kTemperror,    // what the DNS did not tell, or was not asked for, could have changed the result
  };

  Status status = Status::kTemperror;
  // A-labels, lower case, without the final dot; sorted. Names that are none, as DNS gave them, are
  // among the unconfirmed: what they say is still evidence, so make them printable.
  std::vector<std::string> confirmed;
  std::vector<std::string> unconfirmed;
  std::vector<std::string> failed;  // those whose addresses DNS could not tell
  bool truncated = false;  // there were more than kMaxNames, and the rest was not looked at
  std::string detail;      // for people: the first fault, empty without one
};

std::string_view word(ReverseLookup::Status status) noexcept;  // "confirmed", "unconfirmed", ...

}  // namespace postern::dns
