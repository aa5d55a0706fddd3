// SPDX-License-Identifier: BSD-3-Clause
//
// Names are compared as mail servers do, octet by octet but for case; whether one can be read as
// ours is claims_our_results()'s to say, which is more suspicious.
#include "control/milter/forged_results.h"

#include "control/auth/authentication_results.h"
#include "control/dns/domain_name.h"

namespace postern::milter {
namespace {

// What is left when all that some reader may overlook is gone.
bool could_be_results(std::string_view name) {
  std::string seen;
  for (const char c : name)
    if (c > ' ' && c <= '~') seen += c;
  return dns::equals_ignoring_case(seen, "Authentication-Results");
}

}  // namespace

void ForgedResults::add(std::string_view name, std::string_view field) {
  if (!could_be_results(name)) return;
  if (++fields_ > kMaxFields) {
    overflowed_ = true;
    return;
  }
  const uint32_t index = ++counts_[dns::ascii_lower(name)];
  if (auth::claims_our_results(field, authserv_id_))
    places_.push_back({.name = std::string(name), .index = index});
}

}  // namespace postern::milter
