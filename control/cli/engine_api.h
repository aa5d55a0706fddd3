// SPDX-License-Identifier: BSD-3-Clause
//
// EngineApi: the management API of one engine as values (docs/management-api.md). Every call blocks
// for a few seconds at most and throws EngineError, which names the socket, for whatever goes
// wrong.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "control/cli/engine_samples.h"
#include "control/cli/invocation.h"
#include "control/web/engine_client.h"
#include "rules/address/address.h"

namespace postern::cli {

class EngineError : public std::runtime_error {
 public:
  EngineError(std::string socket, std::string what)
      : std::runtime_error(socket + ": " + what), bare_(std::move(what)) {}
  // Without the socket in front.
  const std::string& bare() const noexcept { return bare_; }

 private:
  std::string bare_;
};

struct EngineHealth {
  std::string engine, topology, snapshot;
  uint64_t generation = 0;                        // 0: no snapshot yet
  int64_t created = 0;                            // of the snapshot, Unix seconds
  std::optional<int64_t> unconfirmed_until = {};  // Unix seconds; when they fall back
  uint64_t uptime = 0;                            // seconds
  uint64_t entries = 0;
};

struct EngineEntry {
  Prefix prefix;
  std::string action, reason;
  int64_t seconds = 0;  // left
};
boost::json::object to_json(const EngineEntry& entry);

struct EngineEntries {
  std::vector<EngineEntry> entries;
  uint64_t capacity = 0;
  uint64_t evicted = 0;
};

struct PortCounters {
  uint64_t received = 0, bytes = 0, passed = 0, stopped = 0;
  std::vector<std::pair<std::string, uint64_t>> reasons;  // in the engine's order
};
// Attempts in a window of time that ends now.
struct AttemptWindow {
  std::string name;      // "1m"
  uint64_t seconds = 0;  // how far it reaches; 0: nothing is known yet
  uint64_t judged = 0, stopped = 0;
};
// Two ports that lead to each other, by the names that the engine was given.
struct PairCounters {
  std::string wan_name, mx_name;
  PortCounters wan, mx;
};

// What the rules in force have counted, in the policy's words (dataplane/engine/rule_tally.h).
struct EngineRules {
  struct Group {  // a list, or a category, which is then its name
    std::string name, category;
    uint64_t attempts = 0, stopped = 0;
    std::vector<AttemptWindow> windows = {};  // of categories
  };
  struct Rule {
    std::string file, rule;
    uint64_t line = 0, attempts = 0;
    bool observed = false;
  };
  std::vector<Group> lists, categories;
  std::vector<Rule> rules;
  std::vector<std::pair<std::string, uint64_t>> signatures;  // name, hits
};

struct SampleBatch {
  uint64_t next = 0;     // where to go on
  uint64_t lost = 0;     // missed since `after`
  uint64_t overrun = 0;  // without room in the engine, since it started
  std::vector<EngineSample> samples;
};
struct EngineCounters {
  PortCounters wan, mx;                 // of all pairs
  std::vector<PairCounters> pairs;      // none where the engine does not know of pairs
  std::vector<AttemptWindow> attempts;  // in the engine's order; none of an engine before this one
};

class EngineApi {
 public:
  // engine: a socket's path, or https://HOST:PORT.
  explicit EngineApi(std::string engine);
  // What is shown from now on to engines that are asked over TLS: a process is one command line,
  // and has one set of them. Once, before the first engine is asked.
  static void use(web::EngineCredentials credentials);
  const std::string& socket() const noexcept { return client_.socket_path(); }

  EngineHealth health();
  EngineCounters counters();
  EngineRules rules();
  // All of them, page by page: one that is in force all the while is there once; 1.3 MB at a time.
  EngineEntries entries();
  // Those that cover the address, the longest first.
  std::vector<EngineEntry> entries_for(const IpAddress& address);
  // target: "/v1/samples?...", that waits so long at most.
  SampleBatch samples(const std::string& target, std::chrono::milliseconds wait);
  // The account of an address by the rules in force (rules/compile/account.h).
  boost::json::object explain(const IpAddress& address, const std::optional<IpAddress>& to);
  void add(const Prefix& prefix, const std::string& action, const std::string& reason,
           std::chrono::seconds lifetime);
  bool remove(const Prefix& prefix);  // false: there was none
  // path: absolute. Returns the generation that is in force then; with a time to confirm, only
  // until that has passed without confirm().
  uint64_t load(const std::string& path,
                std::optional<std::chrono::seconds> confirm_within = std::nullopt);
  bool confirm(uint64_t generation);  // false: no such rules were waiting

 private:
  web::ApiReply call(const char* method, const char* target, boost::json::value body,
                     std::chrono::milliseconds timeout);
  std::optional<Prefix> read_entries(const std::string& target, EngineEntries& entries);
  web::EngineClient client_;
};

// The sockets of --engine or the default ones. Throws std::runtime_error when there is none.
std::vector<std::string> require_engines(const Invocation& invocation);

}  // namespace postern::cli
