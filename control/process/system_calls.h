// SPDX-License-Identifier: BSD-3-Clause
//
// The system calls that a worker may make (seccomp): what it needs to talk to sockets, to write its
// files and to run threads that look names up. Calls by which a program becomes another one, or
// looks into others, end the worker; all others fail with EPERM, and the parent hears of them. A
// call that is missing from the list costs what it was for, not the sessions.
#pragma once

#include <string>

#include "control/listen/descriptor.h"

namespace postern::process {

// False in builds with sanitizers, whose own calls are many.
bool can_limit_system_calls() noexcept;

// From now on the calling thread, and those that it starts, have only the calls of the list.
// no_new_privs must be set. Returns the descriptor that tells of refused calls, to be passed to
// whoever answers: until somebody does, a refused call waits. Throws std::runtime_error when the
// kernel has no such thing (CONFIG_SECCOMP_FILTER, Linux 5.0).
listen::Descriptor limit_system_calls();

// The parent's side: refuses the call that waits there, and says its name. Empty: none does any
// more.
std::string refuse_system_call(int notifications) noexcept;

}  // namespace postern::process
