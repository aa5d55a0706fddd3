// SPDX-License-Identifier: BSD-3-Clause
//
// `postern`, the operator's command line: the table of its commands. Exit status: 0 fine, 1 the
// input is bad (or an engine refused it), 2 wrong usage.
#include "control/cli/command_line.h"

namespace {

using namespace postern::cli;

// In a program of its own, as loading libcurl and the thirty libraries that it needs takes longer
// than most commands.
constexpr Command kFetchElsewhere = {.name = kFetchName,
                                     .title = kFetchTitle,
                                     .synopsis = {},
                                     .manual = {},
                                     .declare = nullptr,
                                     .run = nullptr,
                                     .program = "postern-fetch"};

// Likewise, for libldap and its libraries.
constexpr Command kDirectoryElsewhere = {.name = kDirectoryName,
                                         .title = kDirectoryTitle,
                                         .synopsis = {},
                                         .manual = {},
                                         .declare = nullptr,
                                         .run = nullptr,
                                         .program = "postern-directory"};

constexpr const Command* kCommands[] = {
    &kCheckCommand,      &kCompileCommand, &kExplainCommand, &kListsCommand,   &kDiffCommand,
    &kApplyCommand,      &kConfirmCommand, &kFetchElsewhere, &kStatsCommand,   &kDropsCommand,
    &kCaptureCommand,    &kTopCommand,     &kEntriesCommand, &kLearnedCommand, &kStatusCommand,
    &kReplayCommand,     &kVerifyCommand,  &kSignCommand,    &kKeygenCommand,  &kNamesCommand,
    &kDirectoryElsewhere};

}  // namespace

int main(int count, char** words) {
  return run_command_line(count, words, kCommands);
}
