// SPDX-License-Identifier: BSD-3-Clause
//
// postern-control: reads its settings, runs, and tells in one line why it cannot.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <iostream>
#include <variant>

#include "control/config/options.h"
#include "control/config/privileges.h"
#include "control/config/worker.h"
#include "rules/text/diagnostic.h"

namespace postern::config {
namespace {

int run(int count, char** words) {
  const auto parsed = parse_options(count, words);
  if (const auto* answer = std::get_if<Answer>(&parsed)) {
    std::cout << answer->text;
    return 0;
  }
  const auto& options = std::get<Options>(parsed);
  spdlog::set_default_logger(spdlog::stderr_logger_st("postern-control"));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %n %l %v");
  if (options.debug) spdlog::set_level(spdlog::level::debug);
  raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);
  run_worker(options);
  return 0;
}

}  // namespace
}  // namespace postern::config

int main(int count, char** words) {
  try {
    return postern::config::run(count, words);
  } catch (const postern::config::UsageError& error) {
    std::cerr << "postern-control: " << error.what() << " (--help)\n";
    return 2;
  } catch (const postern::BadInput& error) {
    for (const auto& diagnostic : error.diagnostics()) std::cerr << diagnostic.to_string() << '\n';
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "postern-control: " << error.what() << '\n';
    return 1;
  }
}
