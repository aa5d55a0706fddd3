// SPDX-License-Identifier: BSD-3-Clause
//
// What a client hears for how it behaves, whatever it sends: the same words at both front doors.
#pragma once

#include <string>
#include <string_view>

#include "control/policy/disposition_text.h"

namespace postern::policy {

inline Refusal too_many_recipients() {
  return {.code = 450,
          .enhanced = "4.7.1",
          .text = "too many recipients from your address; try again later"};
}

inline Refusal too_many_unknown_recipients() {
  return {.code = 450,
          .enhanced = "4.7.1",
          .text = "too many recipients that do not exist from your address; try again later"};
}

// helo: as the client said it; of a long one the beginning is repeated.
inline Refusal refusal_of_bot_name(std::string_view helo) {
  return {.code = 550,
          .enhanced = "5.7.1",
          .text = "refused: the name " + std::string(helo.substr(0, 256)) +
                  " is one that bots use; write to postmaster if you are none"};
}

}  // namespace postern::policy
