// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a Spamhaus DROP file that is cut short: the shorter beginnings of a file that was
// accepted are all refused.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rules/lists/list_format.h"

using namespace postern;

namespace {

bool accepts(const ListFormat& format, std::string_view text) {
  try {
    format.read(text, {.file = "fuzz"});
    return true;
  } catch (const BadInput&) {
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto* format = find_list_format("drop");
  if (!accepts(*format, text)) return 0;
  // Cut within what is not blank at the end, the trailer is gone.
  const auto end = text.find_last_not_of(" \t\r\n\f\v");
  for (size_t cut = end; cut > 0 && cut + 100 > end; cut--)
    if (accepts(*format, text.substr(0, cut))) std::abort();
  return 0;
}
