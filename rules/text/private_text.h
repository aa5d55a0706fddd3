// SPDX-License-Identifier: BSD-3-Clause
//
// The text of a file that holds a secret. A file that others may read, or that its group or others
// may write, is refused: the secret is none, or may not be the one that was put there.
#pragma once

#include <cstddef>
#include <string>

namespace postern {

// Throws BadInput naming the path when it cannot be read, has more than max_bytes, or its mode is
// wider than 0640.
std::string read_private_text(const std::string& path, size_t max_bytes);

// What it asks of a file that was read already. mode: its permissions, as in chmod.
void require_private_mode(const std::string& path, unsigned mode);

}  // namespace postern
