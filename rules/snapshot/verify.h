// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying a snapshot file before anything is looked up in it: that it is one, whole and
// unchanged, and that nothing in its image points outside or in circles, so that ps_class_of() and
// its like cannot go wrong on it. A checksum alone would not do: it says that the file is as its
// writer left it, not that the writer was ours.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace postern {

// bytes: the whole file, 64-byte aligned. Throws BadInput for `name` with one line.
void verify_image(std::span<const std::byte> bytes, const std::string& name);

}  // namespace postern
