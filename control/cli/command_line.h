// SPDX-License-Identifier: BSD-3-Clause
//
// What the programs of the command line have in common: choosing the command, the help, and the
// exit statuses.
#pragma once

#include <span>

#include "control/cli/command.h"

namespace postern::cli {

using Commands = std::span<const Command* const>;

// main() of a program with these commands: the first word chooses, and the others are the
// command's. A command that lies in another program replaces this one.
int run_command_line(int count, char** words, Commands commands);

}  // namespace postern::cli
