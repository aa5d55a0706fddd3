// SPDX-License-Identifier: BSD-3-Clause
//
// The words of RFC 8601 §2.7 for results.
#include "control/auth/auth_result.h"

namespace postern::auth {

std::string_view word(Result result) noexcept {
  switch (result) {
    case Result::kNone:
      return "none";
    case Result::kPass:
      return "pass";
    case Result::kFail:
      return "fail";
    case Result::kPolicy:
      return "policy";
    case Result::kNeutral:
      return "neutral";
    case Result::kSoftFail:
      return "softfail";
    case Result::kTempError:
      return "temperror";
    case Result::kPermError:
      return "permerror";
  }
  return "none";
}

}  // namespace postern::auth
