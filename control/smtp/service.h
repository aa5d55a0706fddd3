// SPDX-License-Identifier: BSD-3-Clause
//
// Service: what all sessions of one proxy share, and the settings that they run by. One loop, one
// thread; everything here outlives the sessions.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/learning/evidence.h"
#include "control/policy/helo_patterns.h"
#include "control/policy/message_judge.h"
#include "control/policy/source_memory.h"
#include "control/smtp/farm.h"
#include "control/smtp/outbound.h"
#include "control/smtp/overload.h"
#include "control/smtp/server_session.h"
#include "control/smtp/spool.h"
#include "control/smtp/tls_server.h"

namespace postern::smtp {

class Backscatter;
class RecipientCheck;

struct ProxyOptions {
  ServerOptions server;  // server.name is said in the greeting, in EHLO and in Received
  FarmOptions farm;

  uint64_t max_message = 50u << 20;  // octets; offered as SIZE
  size_t max_hops = 100;             // Received fields; RFC 5321 §6.3
  size_t max_sessions = 2000;
  size_t max_sessions_per_source = 50;  // per IPv4 address or IPv6 /64

  std::chrono::milliseconds greet_pause{1000};      // 0: greet at once, notice nothing
  bool greet_teaser = true;                         // say the first line of the greeting before it
  std::chrono::milliseconds command_time{300'000};  // RFC 5321 §4.5.3.2.7
  std::chrono::milliseconds text_time{180'000};     // for each KiB of text
  std::chrono::milliseconds linger_time{1000};
  // Whose connections begin with a PROXY header, and how long it may take to come.
  std::vector<Prefix> load_balancers;
  std::chrono::milliseconds proxy_header_time{5000};
  std::string id_prefix;  // of session ids, where there are several proxies
};

struct Service {
  const ProxyOptions& options;
  policy::JudgeServices& judging;
  SpoolSpace& spool_space;
  Farm& farm;
  policy::SourceMemory& sources;
  std::shared_ptr<const TlsServer> tls = nullptr;  // another one after a reload; null: no STARTTLS
  const policy::HeloPatterns* helo_patterns = nullptr;  // null: none
  learning::Learning* learning = nullptr;               // null: nothing is learned of sources
  learning::EvidenceTable* evidence = nullptr;          // null: no offence is; else learning is not
  RecipientCheck* recipients = nullptr;                 // null: the farm alone knows them
  Backscatter* backscatter = nullptr;                   // null: the null sender is like any other
  const Outbound* outbound = nullptr;  // not null: this is the door for the site's own mail
  Overload overload{options.max_sessions};
  // What was read last, by whichever session; nobody's while it waits.
  std::array<char, 65536> read_buffer = {};

  // What a client is offered: what we can do and the farm too.
  Offer offer() const;
};

}  // namespace postern::smtp
