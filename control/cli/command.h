// SPDX-License-Identifier: BSD-3-Clause
//
// Command: one word that `postern` understands, as a value. Each stands in a file of its own
// (check.cc, compile.cc, ...) and is listed in main.cc; command_line.cc reads the words, prints the
// help and turns exceptions into exit statuses.
#pragma once

#include <string_view>

#include "control/cli/invocation.h"

namespace postern::cli {

// Exit statuses; part of the contract with scripts.
inline constexpr int kFine = 0;
inline constexpr int kBadInput = 1;
inline constexpr int kWrongUsage = 2;

struct Command {
  std::string_view name;
  std::string_view title;     // one line, for `postern --help`
  std::string_view synopsis;  // what follows the name
  std::string_view manual;    // what the options do not say; whole lines, or empty
  void (*declare)(OptionSet& options);
  // Prints to standard output; returns an exit status. Throws WrongUsage, BadInput, or any other
  // std::exception for a fault in what it was given to read.
  int (*run)(const Invocation& invocation);
  std::string_view program = {};  // beside this one, that has the command; empty: it is here
};

extern const Command kCheckCommand;
extern const Command kCompileCommand;
extern const Command kExplainCommand;
extern const Command kListsCommand;
extern const Command kDiffCommand;
extern const Command kApplyCommand;
extern const Command kConfirmCommand;
extern const Command kFetchCommand;  // in postern-fetch
inline constexpr std::string_view kFetchName = "fetch";
inline constexpr std::string_view kFetchTitle = "Brings the feeds of lists by HTTPS";
extern const Command kDirectoryCommand;  // in postern-directory
inline constexpr std::string_view kDirectoryName = "directory";
inline constexpr std::string_view kDirectoryTitle = "Looks a recipient up in the directory";
extern const Command kStatsCommand;
extern const Command kDropsCommand;
extern const Command kCaptureCommand;
extern const Command kTopCommand;
extern const Command kEntriesCommand;
extern const Command kLearnedCommand;
extern const Command kStatusCommand;
extern const Command kReplayCommand;
extern const Command kVerifyCommand;
extern const Command kSignCommand;
extern const Command kKeygenCommand;
extern const Command kNamesCommand;

}  // namespace postern::cli
