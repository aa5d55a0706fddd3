// SPDX-License-Identifier: BSD-3-Clause
//
// postern-control: reads its settings, becomes the parent of the workers that serve
// (control/process/supervisor.h), and tells in one line why it cannot.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <iostream>
#include <optional>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

#include "control/config/options.h"
#include "control/config/outbound_site.h"
#include "control/config/status_socket.h"
#include "control/config/worker.h"
#include "control/process/doors.h"
#include "control/process/inheritance.h"
#include "control/process/privileges.h"
#include "control/process/supervisor.h"
#include "control/process/system_calls.h"
#include "control/web/engine_client.h"
#include "rules/text/diagnostic.h"

namespace postern::config {
namespace {

uint32_t random_key() {
  return std::random_device()();
}

std::vector<process::WantedDoor> wanted_doors(const Options& options) {
  std::vector<process::WantedDoor> doors;
  for (const auto& listen : options.listen)
    doors.push_back(
        {.purpose = kSmtp, .place = {.path = {}, .address = listen.address, .port = listen.port}});
  for (const auto& place : options.outbound.listen)
    doors.push_back({.purpose = kOutbound,
                     .place = {.path = {}, .address = place.address, .port = place.port}});
  std::optional<gid_t> group;
  if (!options.milter_group.empty()) group = process::group_of(options.milter_group);
  for (const auto& name : options.milter_sockets)
    doors.push_back({.purpose = kMilter,
                     .place = {.path = name.path, .address = name.address, .port = name.port},
                     .for_all_workers = false,
                     .group = group});
  if (options.status.empty()) return doors;
  std::optional<gid_t> lookers;
  if (!options.status_group.empty()) lookers = process::group_of(options.status_group);
  for (size_t number = 0; number < options.workers; number++)
    doors.push_back(
        {.purpose = kStatus,
         .place = {.path = status_socket(options.status, number), .address = {}, .port = 0},
         .for_all_workers = false,
         .worker = number,
         .group = lookers});
  return doors;
}

std::vector<std::string> certificate_files(const Options& options) {
  auto files = options.certificates;
  files.insert(files.end(), options.keys.begin(), options.keys.end());
  const auto& teacher = options.learning.teacher;
  if (std::ranges::any_of(teacher.engines, web::is_over_tls))
    files.insert(files.end(), {teacher.credentials.certificate, teacher.credentials.key});
  return files;
}

// What only the parent may be able to read.
std::vector<std::string> parents_files(const Options& options) {
  auto files = certificate_files(options);
  if (!options.directory.password_file.empty()) files.push_back(options.directory.password_file);
  const auto keys = OutboundSite::key_files(options.outbound);
  files.insert(files.end(), keys.begin(), keys.end());
  return files;
}

std::vector<listen::ListeningSocket> adopt(const std::vector<int>& descriptors) {
  std::vector<listen::ListeningSocket> sockets;
  for (const int descriptor : descriptors)
    sockets.push_back(listen::ListeningSocket::adopt(listen::Descriptor(descriptor)));
  return sockets;
}

// The program that is at our path, whenever that is asked, with our arguments.
std::vector<std::string> this_program(int count, char** words) {
  std::vector<std::string> program(words, words + count);
  std::error_code unknown;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", unknown);
  if (!unknown) program.front() = path.string();
  return program;
}

void warn_of_privileges(const Options& options) {
  if (::geteuid() == 0 && (options.user.empty() || options.user == "root"))
    spdlog::warn("user state=root error=\"workers can write whatever root owns: name a user\"");
  if (!options.limit_system_calls || !process::can_limit_system_calls())
    spdlog::warn("seccomp state=off");
}

void warn_of_settings(const Options& options) {
  std::string names;
  for (const auto& name : options.unused) names += (names.empty() ? "" : ",") + name;
  if (!names.empty())
    spdlog::warn("settings state=unused names={} error=\"nothing that runs here looks at them\"",
                 names);
}

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
  warn_of_settings(options);
  process::raise_file_limit();
  std::signal(SIGPIPE, SIG_IGN);

  auto inherited = process::Inheritance::take();
  const auto by = options.proxy.load_balancers.empty() ? listen::Steering::By::kSource
                                                       : listen::Steering::By::kChance;
  const listen::Steering steering(options.only_check ? 1 : options.workers,
                                  inherited ? inherited->steering_key : random_key(), by);
  process::SupervisorOptions supervising{.workers = steering.workers(),
                                         .files = [&] { return parents_files(options); },
                                         .watched = certificate_files(options),
                                         .identity = {},
                                         .limit_system_calls = options.limit_system_calls,
                                         .drain_time = options.drain_time,
                                         .program = this_program(count, words),
                                         .check_argument = "--check",
                                         .work =
                                             [&](process::Assignment assignment) {
                                               run_worker(options, steering, std::move(assignment));
                                               return 0;
                                             },
                                         .ready = {}};
  if (!options.user.empty()) supervising.identity = process::Identity::of(options.user);
  process::Doors doors(
      options.only_check ? std::vector<process::WantedDoor>{} : wanted_doors(options), steering,
      adopt(inherited ? inherited->sockets : process::sockets_of_systemd()));
  const std::string places = doors.places(kSmtp), milter_places = doors.places(kMilter),
                    outbound_places = doors.places(kOutbound);
  supervising.ready = [&] {
    warn_of_privileges(options);
    std::printf("ready%s%s%s%s%s%s\n", places.empty() ? "" : " listen=", places.c_str(),
                outbound_places.empty() ? "" : " outbound=", outbound_places.c_str(),
                milter_places.empty() ? "" : " milter=", milter_places.c_str());
    std::fflush(stdout);
  };
  process::Supervisor supervisor(std::move(supervising), std::move(doors), std::move(inherited));
  return supervisor.run();
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
