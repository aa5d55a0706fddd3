// SPDX-License-Identifier: BSD-3-Clause
//
// Running a command (control/cli/command_line.h). Every error is one line on standard error; with
// --json, an error of the input is also a document on standard output.
#include "control/cli/command_line.h"

#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "control/cli/engine_api.h"
#include "control/cli/printable.h"
#include "control/cli/report.h"
#include "control/cli/table.h"
#include "rules/text/diagnostic.h"

namespace postern::cli {
namespace {

void print_help(std::ostream& out, Commands commands) {
  out << "usage: postern COMMAND [OPTIONS]\n\n"
         "The operator's command line of Postern, the guarded gate in front of a mail farm.\n\n";
  Table table({Table::kLeft, Table::kLeft});
  for (const auto* command : commands)
    table.row({std::string(command->name), std::string(command->title)});
  table.print(out, 2);
  out << "\n`postern COMMAND --help` says more about one. All take -j (--json).\n"
         "Exit status: 0 fine, 1 the input is bad, 2 wrong usage.\n";
}

void print_help(std::ostream& out, const Command& command, const OptionSet& options) {
  out << "usage: postern " << command.name << ' ' << command.synopsis << "\n\n"
      << command.title << ".\n\n";
  options.print(out);
  if (!command.manual.empty()) out << '\n' << command.manual;
}

int wrong_usage(const std::string& place, const std::string& what) {
  std::cerr << place << ": " << printable(what) << " (try: " << place << " --help)\n";
  return kWrongUsage;
}

// What is wrong with the input: on standard error, and as JSON where that was asked for.
int bad_input(const Command& command, const std::vector<Diagnostic>& diagnostics, bool json) {
  for (const auto& diagnostic : diagnostics) print_diagnostic(std::cerr, diagnostic);
  if (json)
    std::cout << boost::json::serialize(
                     boost::json::object{{"errors", diagnostics_json(diagnostics)}})
              << '\n';
  if (diagnostics.empty()) std::cerr << "postern " << command.name << ": the input is bad\n";
  return kBadInput;
}

int run(const Command& command, const std::vector<std::string>& words) {
  OptionSet options;
  command.declare(options);
  bool json = false;
  try {
    const Invocation invocation(options, words);
    json = invocation.json();
    if (invocation.flag("help")) {
      print_help(std::cout, command, options);
      return kFine;
    }
    EngineApi::use(invocation.credentials());
    return command.run(invocation);
  } catch (const WrongUsage& error) {
    return wrong_usage("postern " + std::string(command.name), error.what());
  } catch (const BadInput& error) {
    return bad_input(command, error.diagnostics(), json);
  } catch (const std::exception& error) {
    Diagnostic diagnostic;
    diagnostic.file = "postern " + std::string(command.name);
    diagnostic.message = error.what();
    return bad_input(command, {diagnostic}, json);
  }
}

// Only returns when the program cannot be started.
int run_elsewhere(const Command& command, const std::vector<std::string>& words) {
  const auto beside = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto program = (beside / command.program).string();
  std::vector<char*> arguments = {const_cast<char*>(program.c_str())};
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  throw std::system_error(errno, std::generic_category(), program);
}

int main_of(const std::vector<std::string>& words, Commands commands) {
  if (words.empty()) {
    print_help(std::cerr, commands);
    return kWrongUsage;
  }
  const auto& name = words[0];
  if (name == "--help" || name == "-h") {
    print_help(std::cout, commands);
    return kFine;
  }
  if (name == "--version") {
    std::cout << "postern " << POSTERN_VERSION << '\n';
    return kFine;
  }
  for (const auto* command : commands) {
    if (command->name != name) continue;
    if (!command->program.empty()) return run_elsewhere(*command, words);
    return run(*command, {words.begin() + 1, words.end()});
  }
  if (name.starts_with('-')) return wrong_usage("postern", "unrecognised option '" + name + "'");
  return wrong_usage("postern", "there is no command '" + name + "'");
}

}  // namespace

int run_command_line(int count, char** words, Commands commands) {
  std::ios::sync_with_stdio(false);
  int status = kBadInput;
  try {
    status = main_of({words + 1, words + count}, commands);
  } catch (const std::exception& error) {
    std::cerr << "postern: " << error.what() << '\n';
  }
  if (!std::cout.flush()) {
    std::cerr << "postern: standard output cannot be written\n";
    return kBadInput;
  }
  return status;
}

}  // namespace postern::cli
