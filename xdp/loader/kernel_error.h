// SPDX-License-Identifier: BSD-3-Clause
//
// What the kernel refuses, as one line that says what to do about it. Everything in this folder
// throws std::runtime_error with such a line.
#pragma once

#include <stdexcept>
#include <string>

namespace postern::xdp {

// `doing`: "cannot load the XDP program"; error: an errno value, either sign. Adds what errno means
// here: which capabilities are missing, or that the kernel is older than 6.1.
std::runtime_error kernel_error(const std::string& doing, int error);

}  // namespace postern::xdp
