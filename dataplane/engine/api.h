// SPDX-License-Identifier: BSD-3-Clause
//
// Api: what each request of the management API means: method, target and body in, status and body
// out. Knows nothing of sockets or HTTP framing, so that it can be tested and fuzzed by itself. The
// API is written down in docs/management-api.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/engine/engine.h"

namespace postern {

struct ApiAnswer {
  unsigned status = 200;  // of HTTP
  std::string body;
  std::string_view content_type = "application/json";
  std::string_view allow;  // with 405: the methods there are, for the Allow header
};

// {"error":"..."} with this status.
ApiAnswer api_error(unsigned status, std::string_view line);

// What POST /v1/entries asks for, read from its body. Throws ApiRefusal.
struct EntryRequest {
  Prefix prefix;
  Action action;
  std::string reason;
  uint64_t seconds;
};
EntryRequest read_entry_request(std::string_view body);

// The refusal of a request: its status and the line that says why.
struct ApiRefusal {
  unsigned status;
  std::string line;
};

class Api {
 public:
  static constexpr size_t kMaxBodyBytes = 64 * 1024;
  static constexpr uint64_t kMaxSeconds = 31'536'000;  // a year

  // `engine` must outlive this.
  explicit Api(Engine& engine);

  // method as in HTTP ("GET"); target as in the request line, a query is ignored. Never throws for
  // what the request says.
  ApiAnswer handle(std::string_view method, std::string_view target, std::string_view body);

 private:
  Engine& engine_;
  std::chrono::steady_clock::time_point started_;
};

}  // namespace postern
