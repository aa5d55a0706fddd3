// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a compressed file: refused with one short line, or unpacked to no more than the
// limit. Bytes that are not compressed come back as they were.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "rules/text/compressed.h"
#include "rules/text/diagnostic.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr size_t kMax = 1 << 16;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const auto text = uncompressed(bytes, "fuzz", kMax);
    require(text == bytes || text.size() <= kMax);
  } catch (const BadInput& refused) {
    require(refused.diagnostics().size() == 1);
    require(refused.diagnostics().front().message.size() < 200);
  }
  return 0;
}
