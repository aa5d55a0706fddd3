// SPDX-License-Identifier: BSD-3-Clause
//
// The settings of postern-control: every one is an option of the command line and a line of the
// config file (`listen = [2001:db8::25]:25`). What the command line says wins; where an option may
// be given several times, both count. What is wrong in the file is told with its line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "control/config/name_settings.h"
#include "control/config/outbound_options.h"
#include "control/config/site_directory.h"
#include "control/config/values.h"
#include "control/dns/unbound_resolver.h"
#include "control/learning/evidence.h"
#include "control/learning/harvest.h"
#include "control/learning/learning_service.h"
#include "control/milter/service.h"
#include "control/milter/socket_name.h"
#include "control/policy/message_judge.h"
#include "control/policy/source_memory.h"
#include "control/smtp/service.h"
#include "rules/address/address.h"

namespace postern::config {

struct Listen {
  IpAddress address;
  uint16_t port = 25;
};

struct Options {
  std::vector<Listen> listen;
  policy::JudgeOptions judge;
  smtp::ProxyOptions proxy;
  bool runs_proxy = true;  // false: only milter or outbound
  // Messages are taken, so that they need room; not so where there is only a milter.
  bool takes_messages() const { return runs_proxy || !outbound.listen.empty(); }
  std::vector<milter::SocketName> milter_sockets;  // empty: no milter
  std::string milter_group;                        // of the Unix ones; empty: ours
  milter::MilterOptions milter;
  std::vector<std::string> certificates, keys;  // PEM files, as many of the one as of the other
  std::string snapshot;
  std::string reputation = ":memory:";
  std::chrono::milliseconds flush_time{5000};  // how often the reputation is written
  dns::UnboundResolver::Options resolver;
  std::string helo_patterns;  // file; empty: the built-in ones
  DirectoryOptions directory;
  NameOptions names;
  OutboundOptions outbound;
  learning::EvidenceTable::Options evidence;
  policy::SourceMemory::Options sources;
  std::string known_sources;  // file; empty: in memory only
  learning::HarvestTable::Options harvest;
  learning::LearningOptions learning;
  std::string spamtraps;  // file; empty: there are none
  std::string spool_directory = "/var/tmp";
  uint64_t spool_memory = 256u << 10;
  uint64_t spool_total = uint64_t{1} << 30;
  std::chrono::milliseconds drain_time{30'000};
  std::string status;        // the socket that says how we are; empty: none
  std::string status_group;  // which may ask there; empty: ours
  std::string user;          // of the workers; empty: stay who we are
  size_t workers = 1;
  bool limit_system_calls = true;
  bool only_check = false;
  std::vector<std::string> unused;  // settings that were given and do nothing
  bool debug = false;
};

// --help or --version: what to print.
struct Answer {
  std::string text;
};

// Throws UsageError or BadInput.
std::variant<Options, Answer> parse_options(int count, const char* const* words);

}  // namespace postern::config
