// SPDX-License-Identifier: BSD-3-Clause
//
// EngineClient: the management API of an engine, from the other side: HTTP/1.1 and JSON over its
// Unix socket. Used by postern-control to teach, and by the `postern` command line. The API itself
// is written down in docs/management-api.md.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <string_view>

namespace postern::web {

struct ApiReply {
  unsigned status = 0;  // of HTTP; 0: the engine could not be reached, error says why
  boost::json::value body;
  std::string text;   // the body as it came
  std::string error;  // the engine's "error" member, or why there is no reply
  bool ok() const noexcept { return status >= 200 && status < 300; }
};

class EngineClient {
 public:
  explicit EngineClient(std::string socket_path) : socket_path_(std::move(socket_path)) {}
  const std::string& socket_path() const noexcept { return socket_path_; }

  // method: "GET", "PUT", "POST", "DELETE". body: null for none. Never throws for what the engine
  // or the socket does; ends by itself within the timeout.
  boost::asio::awaitable<ApiReply> call(std::string method, std::string target,
                                        boost::json::value body, std::chrono::milliseconds timeout);
  // The same from where no loop runs.
  ApiReply call_blocking(std::string method, std::string target, boost::json::value body,
                         std::chrono::milliseconds timeout);

 private:
  std::string socket_path_;
};

}  // namespace postern::web
