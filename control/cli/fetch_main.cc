// SPDX-License-Identifier: BSD-3-Clause
//
// `postern-fetch`, which `postern fetch` becomes.
#include "control/cli/command_line.h"

int main(int count, char** words) {
  static constexpr const postern::cli::Command* kCommands[] = {&postern::cli::kFetchCommand};
  return postern::cli::run_command_line(count, words, kCommands);
}
