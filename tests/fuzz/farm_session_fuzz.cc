// SPDX-License-Identifier: BSD-3-Clause
//
// A hostile or broken farm. The first octet says how long the pieces are in which its words come,
// the rest is a script (farm_session_script.h) of commands and of what it says to them. At every
// size of the pieces all that script says must hold, and the same must come of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "tests/control/smtp/farm_session_script.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using postern::smtp::FarmScript;
  if (size < 1) return 0;
  const std::string_view script(reinterpret_cast<const char*>(data) + 1, size - 1);
  // What is thrown ends the program, and says what did not hold.
  const auto whole = FarmScript(SIZE_MAX).run(script);
  if (FarmScript(1).run(script) != whole) std::abort();
  if (FarmScript(2 + data[0] % 30u).run(script) != whole) std::abort();
  return 0;
}
