// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying a snapshot file before anything is looked up in it: that it is one, whole and
// unchanged, and that nothing in its image points outside or in circles, so that ps_class_of() and
// its like cannot go wrong on it. A checksum alone would not do: it says that the file is as its
// writer left it, not that the writer was ours.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace postern {

// How much of a snapshot is verified when it is opened.
enum class Verified : uint8_t {
  kWhole,    // all of it
  kOutline,  // what is small, so that the time does not grow with the lists; the rest as it is read
};

// bytes: the whole file, 64-byte aligned. Throws BadInput for `name` with one line.
void verify_image(std::span<const std::byte> bytes, const std::string& name);
// Only what does not take the longer the more there is: that it is a snapshot of this size, and
// that what its header names lies inside. Look-ups then stay inside and end; what they find may be
// wrong.
void verify_outline(std::span<const std::byte> bytes, const std::string& name);

}  // namespace postern
