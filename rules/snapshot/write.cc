// SPDX-License-Identifier: BSD-3-Clause
//
// Writing a snapshot so that no reader ever sees half of one (write_snapshot() of
// rules/compile/compile.h).
#include "rules/compile/compile.h"
#include "rules/text/replace_file.h"

namespace postern {

void write_snapshot(const std::string& path, const std::vector<std::byte>& bytes) {
  ReplacementFile file(path);
  file.write(bytes);
  file.put_in_place();
}

}  // namespace postern
