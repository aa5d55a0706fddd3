// SPDX-License-Identifier: BSD-3-Clause
//
// Api: what each request of the management API means: method, target and body in, status and body
// out. Knows nothing of sockets or HTTP framing, so that it can be tested and fuzzed by itself. The
// API is written down in docs/management-api.md.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "dataplane/engine/active_rules.h"
#include "dataplane/engine/api_settings.h"
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

  // `engine` must outlive this. Uptime counts from here.
  explicit Api(Engine& engine, const ApiSettings& settings = {});

  // method as in HTTP ("GET"); target as in the request line, a query is ignored where none is
  // known. waited: since the request came. Does not throw for anything that a request says; a fault
  // of ours is a 500.
  ApiAnswer handle(std::string_view method, std::string_view target, std::string_view body,
                   std::chrono::milliseconds waited = {});
  // What is due by the clock: entries and lists that expire, rules that nobody confirmed. To be
  // called once a second.
  void tick();
  // Fetches samples. To be called every kSampleInterval.
  static constexpr std::chrono::milliseconds kSampleInterval{50};
  void tick_samples();

 private:
  ApiAnswer health();
  ApiAnswer load_snapshot(std::string_view body);
  ApiAnswer confirm_snapshot(std::string_view body);
  ApiAnswer explain(std::string_view query);
  ApiAnswer counters();
  ApiAnswer samples(std::string_view query, std::chrono::milliseconds waited);
  ApiAnswer list_entries();
  ApiAnswer add_entry(std::string_view body);
  ApiAnswer remove_entry(std::string_view body);
  ApiAnswer metrics();
  ApiAnswer dispatch(std::string_view method, std::string_view path, std::string_view query,
                     std::string_view body, std::chrono::milliseconds waited);

  Engine& engine_;
  ActiveRules rules_;
  SampleFeed feed_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace postern
