// SPDX-License-Identifier: BSD-3-Clause
//
// `postern-directory`, which `postern directory` becomes.
#include "control/cli/command_line.h"

int main(int count, char** words) {
  static constexpr const postern::cli::Command* kCommands[] = {&postern::cli::kDirectoryCommand};
  return postern::cli::run_command_line(count, words, kCommands);
}
