// SPDX-License-Identifier: BSD-3-Clause
//
// The mode is that of the open file, not of whatever the path names a moment later.
#include "rules/text/private_text.h"

#include <cstdio>
#include <utility>

#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"

namespace postern {

void require_private_mode(const std::string& path, unsigned mode) {
  constexpr unsigned kForbidden = 0027;
  if ((mode & kForbidden) == 0) return;
  char octal[16];
  std::snprintf(octal, sizeof octal, "%04o", mode);
  throw BadInput(Diagnostic{
      .file = path,
      .message = std::string("holds a secret and has mode ") + octal + "; at most 0640 is right"});
}

std::string read_private_text(const std::string& path, size_t max_bytes) {
  FileText file = read_file_text(path, max_bytes);
  require_private_mode(path, file.mode);
  return std::move(file.text);
}

}  // namespace postern
