// SPDX-License-Identifier: BSD-3-Clause
//
// Feeds are published compressed. What a file is, its first bytes say, never its name. Limits: gzip
// and xz, in memory; what is inside is not looked at for more of the same.
#pragma once

#include <cstddef>
#include <string>

namespace postern {

// The bytes that a gzip or xz file holds, all members or streams of it; other bytes come back as
// they are. Throws BadInput naming the file when it is damaged, ends early, has something behind
// its end, or holds more than max_bytes: no more than that is ever unpacked.
std::string uncompressed(std::string bytes, const std::string& file, size_t max_bytes);

}  // namespace postern
