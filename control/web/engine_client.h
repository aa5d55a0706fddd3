// SPDX-License-Identifier: BSD-3-Clause
//
// EngineClient: the management API of an engine, from the other side: HTTP/1.1 and JSON over its
// Unix socket, or over TLS with certificates on both sides. Used by postern-control to teach, and
// by the `postern` command line. The API itself is written down in docs/management-api.md.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/value.hpp>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>

namespace postern::web {

struct ApiReply {
  unsigned status = 0;  // of HTTP; 0: the engine could not be reached, error says why
  boost::json::value body;
  std::string text;   // the body as it came
  std::string error;  // the engine's "error" member, or why there is no reply
  bool ok() const noexcept { return status >= 200 && status < 300; }
};

// What is shown to engines over TLS, and what theirs has to be signed by: files in PEM.
struct EngineCredentials {
  std::string certificate, key, authority;
  // What is in the files of certificate and key, where somebody else has read them; both empty: the
  // files are read at each call.
  std::string certificate_text = {}, key_text = {};
};

// Throws std::runtime_error that names the file which cannot be used.
void require_usable(const EngineCredentials& credentials);

class EngineClient {
 public:
  // engine: the path of its socket, or "https://HOST:PORT", which needs credentials.
  explicit EngineClient(std::string engine, EngineCredentials credentials = {})
      : engine_(std::move(engine)), credentials_(std::move(credentials)) {}
  // The path of the socket, or the URL.
  const std::string& socket_path() const noexcept { return engine_; }
  // From the next call on.
  void use(EngineCredentials credentials) { credentials_ = std::move(credentials); }

  // method: "GET", "PUT", "POST", "DELETE". body: null for none. Never throws for what the engine
  // or the socket does; ends by itself within the timeout.
  boost::asio::awaitable<ApiReply> call(std::string method, std::string target,
                                        boost::json::value body, std::chrono::milliseconds timeout);
  // The same from where no loop runs.
  ApiReply call_blocking(std::string method, std::string target, boost::json::value body,
                         std::chrono::milliseconds timeout);

 private:
  std::string engine_;
  EngineCredentials credentials_;
};

// Whether it is a URL and not a path.
bool is_over_tls(std::string_view engine) noexcept;

}  // namespace postern::web
