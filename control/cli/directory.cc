// SPDX-License-Identifier: BSD-3-Clause
//
// `postern directory`: one look-up in the recipient directory that the config file of
// postern-control describes, by the same code, and why the answer is what it is.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <utility>

#include "control/cli/command.h"
#include "control/cli/printable.h"
#include "control/cli/table.h"
#include "control/config/site_directory.h"

namespace postern::cli {
namespace {

constexpr const char* kDefaultConfig = "/etc/postern/control.conf";

void declare(OptionSet& options) {
  options.add_operand("ADDRESS");
  options.add_text("config", "FILE",
                   "whose directory- settings count (default /etc/postern/control.conf)");
  options.add_text("file", "FILE", "look into this recipient file instead, and nowhere else");
}

directory::Answer look_up(directory::Directory& directory, const std::string& address,
                          boost::asio::io_context& loop) {
  directory::Answer answer;
  std::exception_ptr failed;
  bool done = false;
  boost::asio::co_spawn(loop, directory.look_up(address),
                        [&](std::exception_ptr error, directory::Answer found) {
                          failed = error;
                          answer = std::move(found);
                          done = true;
                        });
  // A connection that stays open would keep the loop.
  while (!done) loop.run_one();
  if (failed) std::rethrow_exception(failed);
  return answer;
}

std::string verdict_of(const directory::Answer& answer, const config::DirectoryOptions& options) {
  // It is asked by postern-control, which has connections to it.
  if (options.backend && answer.presence != directory::Presence::kKnown)
    return "the farm is asked whether it knows the recipient";
  switch (answer.presence) {
    case directory::Presence::kKnown:
      return "the farm is asked at RCPT";
    case directory::Presence::kUnknown:
      return "550 5.1.1 at RCPT";
    case directory::Presence::kUnavailable:
      break;
  }
  return options.defer_when_unavailable ? "451 4.4.3 at RCPT" : "the farm is asked at RCPT";
}

int run(const Invocation& invocation) {
  const auto address = invocation.required("ADDRESS", "the address");
  invocation.at_most_one({"config", "file"});
  config::DirectoryOptions options;
  if (const auto file = invocation.text("file"))
    options.file = *file;
  else
    options = config::directory_options_in(invocation.text("config").value_or(kDefaultConfig));
  std::signal(SIGPIPE, SIG_IGN);  // libldap writes to connections that may have ended
  boost::asio::io_context loop(1);
  const auto site = config::open_site_directory(loop.get_executor(), options);
  if (!site.directory && options.backend)
    throw std::runtime_error("the only directory is the farm itself, which postern-control asks");
  if (!site.directory)
    throw std::runtime_error("the config file names no recipient directory: all go to the farm");
  const auto answer = look_up(*site.directory, address, loop);
  const auto verdict = verdict_of(answer, options);
  if (invocation.json()) {
    boost::json::object json;
    json["address"] = printable(address);
    json["presence"] = directory::word(answer.presence);
    if (answer.presence == directory::Presence::kKnown) json["primary"] = printable(answer.primary);
    json["source"] = printable(answer.source);
    if (!answer.detail.empty()) json["detail"] = printable(answer.detail);
    json["verdict"] = verdict;
    std::cout << boost::json::serialize(json) << '\n';
  } else {
    Table table({Table::kLeft, Table::kLeft});
    table.row({std::string(directory::word(answer.presence)), address});
    if (answer.presence == directory::Presence::kKnown) table.row({"primary", answer.primary});
    if (!answer.source.empty()) table.row({"source", answer.source});
    if (!answer.detail.empty()) table.row({"because", answer.detail});
    table.row({"verdict", verdict});
    table.print(std::cout, 0);
  }
  return answer.presence == directory::Presence::kUnavailable ? kBadInput : kFine;
}

}  // namespace

const Command kDirectoryCommand = {
    kDirectoryName,
    kDirectoryTitle,
    "ADDRESS [--config FILE | --file FILE]",
    "The exit status is 0 for known and unknown recipients, 1 where the directory is "
    "unavailable.\n",
    declare,
    run,
};

}  // namespace postern::cli
