// SPDX-License-Identifier: BSD-3-Clause
//
// The words of the log and of the policy language (control/dns/reverse_result.h).
#include "control/dns/reverse_result.h"

namespace postern::dns {

std::string_view word(ReverseLookup::Status status) noexcept {
  switch (status) {
    case ReverseLookup::Status::kConfirmed:
      return "confirmed";
    case ReverseLookup::Status::kUnconfirmed:
      return "unconfirmed";
    case ReverseLookup::Status::kNone:
      return "none";
    case ReverseLookup::Status::kTemperror:
      return "temperror";
  }
  return "temperror";
}

}  // namespace postern::dns
