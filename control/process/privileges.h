// SPDX-License-Identifier: BSD-3-Clause
//
// Becoming somebody who may do less, for good.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace postern::process {

struct Identity {
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;  // supplementary ones

  // Throws std::runtime_error when there is no such user.
  static Identity of(const std::string& user);
};

// The number of a group. Throws std::runtime_error when there is none.
gid_t group_of(const std::string& name);

// Takes on the identity (nullopt: stays who we are), lays down all capabilities, and gains nothing
// any more by executing a program (no_new_privs). Throws std::runtime_error when it cannot be, or
// when root could be had back.
void lay_down_privileges(const std::optional<Identity>& identity);

// From now on the process dies with its parent. After privileges are laid down: they take that with
// them. Throws std::runtime_error.
void die_with_parent(pid_t parent);

// Raises the soft limit of open files to the hard one.
void raise_file_limit() noexcept;

}  // namespace postern::process
