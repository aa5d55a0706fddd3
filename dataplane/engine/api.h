// SPDX-License-Identifier: BSD-3-Clause
//
// Api: what each request of the management API means: method, target and body in, status and body
// out. Knows nothing of sockets or HTTP framing, so that it can be tested and fuzzed by itself. The
// API is written down in docs/management-api.md.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <map>
#include <string>
#include <string_view>

#include "dataplane/engine/active_rules.h"
#include "dataplane/engine/api_settings.h"
#include "dataplane/engine/audit_log.h"
#include "dataplane/engine/caller.h"
#include "dataplane/engine/counter_history.h"
#include "dataplane/engine/engine.h"
#include "dataplane/engine/sample_feed.h"

namespace postern {

struct ApiAnswer {
  unsigned status = 200;  // of HTTP
  std::string body;
  std::string_view content_type = "application/json";
  std::string_view allow = {};  // with 405: the methods there are, for the Allow field
  // There is nothing to say yet, and the client has time: to be asked again with all that it has
  // waited.
  bool pending = false;
};

// {"error":"line"} with this status.
ApiAnswer api_error(unsigned status, std::string_view line);

class Api {
 public:
  static constexpr size_t kMaxBodyBytes = 64 * 1024;

  // `engine` must outlive this. Uptime counts from here. Throws std::runtime_error where the audit
  // log cannot be written.
  explicit Api(Engine& engine, const ApiSettings& settings = {});

  // method as in HTTP ("GET"); target as in the request line, a query is ignored where none is
  // known. caller: who may do it. waited: since the request came. Does not throw for anything that
  // a request says; a fault of ours is a 500.
  ApiAnswer handle(const Caller& caller, std::string_view method, std::string_view target,
                   std::string_view body, std::chrono::milliseconds waited = {});
  // The answer to somebody who may not even look; it is in the audit log.
  ApiAnswer unknown(const Caller& caller);
  // What is due by the clock: entries and lists that expire, rules that nobody confirmed. To be
  // called once a second.
  void tick();
  // Fetches samples. To be called every kSampleInterval.
  static constexpr std::chrono::milliseconds kSampleInterval{50};
  void tick_samples();

 private:
  struct Request {
    const Caller& caller;
    std::string_view method, path, query, body;
    std::chrono::milliseconds waited;
  };
  ApiAnswer health();
  ApiAnswer load_snapshot(const Request& request);
  ApiAnswer confirm_snapshot(const Request& request);
  ApiAnswer explain(std::string_view query);
  ApiAnswer counters();
  ApiAnswer rule_counts();
  ApiAnswer samples(const Request& request);
  ApiAnswer list_entries(std::string_view query);
  ApiAnswer add_entry(const Request& request);
  ApiAnswer remove_entry(const Request& request);
  ApiAnswer metrics();
  void remember_categories();
  ApiAnswer dispatch(const Request& request);
  ApiAnswer refuse(const Caller& caller, std::string_view request, std::string_view what);
  // What the audit log says of the rules in force.
  boost::json::object rules_object() const;
  // Has it in the audit log, then does it.
  template <typename Do>
  ApiAnswer change(const Caller& caller, std::string_view what, boost::json::value before,
                   boost::json::value after, const Do& make);

  Engine& engine_;
  ActiveRules rules_;
  SampleFeed feed_;
  AuditLog audit_;
  CounterHistory history_;
  std::map<std::string, CounterHistory> categories_;  // of those that the rules in force have
  unsigned ticks_ = 0;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace postern
