// SPDX-License-Identifier: BSD-3-Clause
//
// Damage that a checksum does not give away: bytes of a snapshot changed, and its checksum made to
// match again.
#pragma once

#include <xxhash.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "rules/abi/snapshot_format.h"

namespace postern::test {

inline ps_snapshot_header header_of(const std::vector<std::byte>& bytes) {
  ps_snapshot_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  return header;
}

inline void seal(std::vector<std::byte>& bytes) {
  if (bytes.size() < sizeof(ps_snapshot_header)) return;
  auto header = header_of(bytes);
  header.checksum = 0;
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = XXH3_64bits(bytes.data(), bytes.size());
  std::memcpy(bytes.data(), &header, sizeof header);
}

}  // namespace postern::test
