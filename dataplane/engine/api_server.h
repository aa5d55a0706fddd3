// SPDX-License-Identifier: BSD-3-Clause
//
// ApiServer: the management API of an engine (docs/management-api.md) as HTTP/1.1 on a Unix socket
// and, if it is to, over TLS. This file is the transport: connections, their limits, and the clock;
// what a request means is in dataplane/engine/api.h. One thread, the one that calls run().
#pragma once

#include <memory>
#include <string>

#include "dataplane/engine/api_settings.h"
#include "dataplane/engine/engine.h"

namespace postern {

class ApiServer {
 public:
  // Beyond these a client is answered 503 and hung up on, and takes the place of nobody; one that
  // is silent is hung up on.
  static constexpr size_t kMaxConnections = 64;
  static constexpr int kIdleSeconds = 30;
  static constexpr size_t kMaxHeaderBytes = 8 * 1024;
  // Of these, readers have so many at most.
  static constexpr size_t kMaxReaders = 48;
  // Of answers that clients asked for and do not read: beyond it nothing large is answered, 503.
  static constexpr size_t kMaxUnsentBytes = 32 << 20;

  // Listens at once, so that clients may connect before run(): creates the socket's directory when
  // it is absent, replaces a socket that nobody serves any more, mode 0660, or 0666 where groups
  // say who may. From here on SIGINT and SIGTERM no longer kill the process but end run(). `engine`
  // must outlive this. Throws std::runtime_error with one line that says what to do: the path is
  // too long, is served by a living process, or is no socket; a group that there is not; an audit
  // log, a certificate or an address that cannot be used.
  ApiServer(Engine& engine, const ApiSettings& settings);
  // Removes the socket's file, if it is still this server's own.
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  const std::string& socket_path() const noexcept;

  // Serves, and each second does what is due (Api::tick), until stop(), SIGINT or SIGTERM.
  // Once only.
  void run();
  // From any thread, or from a signal handler (async-signal-safe). Before run(): run() returns at
  // once.
  void stop() noexcept;

 private:
  class Listener;
  std::unique_ptr<Listener> listener_;
};

}  // namespace postern
