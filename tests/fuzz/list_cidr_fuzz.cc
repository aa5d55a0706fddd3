// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a plain CIDR list: every line is an entry or is skipped, and an entry is what its
// text says again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rules/lists/list_format.h"

using namespace postern;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto* format = find_list_format("cidr");
  format->recognises(text);
  const auto content = format->read(text, "fuzz");
  if (content.skipped.size() > content.skipped_count) std::abort();
  uint32_t line = 0;
  for (const auto& entry : content.entries) {
    if (entry.line <= line) std::abort();
    line = entry.line;
    const auto again = Prefix::parse(entry.range.to_string(), Prefix::HostBits::kRefuse);
    if (!again || AddressRange(*again) != entry.range) std::abort();
  }
  for (const auto& diagnostic : content.skipped)
    if (diagnostic.to_string().size() > 300) std::abort();
  return 0;
}
