// SPDX-License-Identifier: BSD-3-Clause
//
// The whole of a file that people or feeds wrote, read into memory, with the time it was modified.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace postern {

struct FileText {
  std::string text;
  int64_t modified_at = 0;  // Unix seconds
  uint32_t mode = 0;        // permission bits, of the file that was read
};

// Throws BadInput naming the path when it cannot be read or has more than max_bytes.
FileText read_file_text(const std::string& path, size_t max_bytes);

}  // namespace postern
