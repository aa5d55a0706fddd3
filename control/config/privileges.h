// SPDX-License-Identifier: BSD-3-Clause
//
// Becoming somebody who may do less, for good.
#pragma once

#include <sys/types.h>

#include <string>

namespace postern::config {

// Takes on the user, the user's group and the user's supplementary groups. Throws
// std::runtime_error when there is no such user, or when root could be had back.
void become(const std::string& user);

// The number of a group. Throws std::runtime_error when there is none.
gid_t group_of(const std::string& name);

// Raises the soft limit of open files to the hard one.
void raise_file_limit() noexcept;

}  // namespace postern::config
