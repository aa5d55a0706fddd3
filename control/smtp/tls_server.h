// SPDX-License-Identifier: BSD-3-Clause
//
// TlsServer: our certificates, and new server's sessions of TLS with them. A client that names a
// host (SNI, RFC 6066 §3) gets the first certificate that is good for it, everybody else the first
// of all. Immutable: to reload is to make another one; sessions keep the one they began with.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

namespace postern::smtp {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
};
using UniqueSsl = std::unique_ptr<SSL, SslFree>;

class TlsServer {
 public:
  struct Pair {
    std::string certificate;       // the chain, PEM, our own first
    std::string key;               // PEM, not encrypted
    std::string certificate_name;  // what errors call them: their files
    std::string key_name;
  };
  // At least one pair. Throws std::runtime_error with the name of what is no good.
  explicit TlsServer(const std::vector<Pair>& pairs);
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  // For the socket, which stays its user's, is connected and does not block. Not shaken hands yet;
  // must not outlive this. Null when there is no memory.
  UniqueSsl new_session(int socket) const;

 private:
  static int choose(SSL* ssl, int* alert, void* self);

  std::vector<std::unique_ptr<SSL_CTX, SslFree>> contexts_;  // one for each pair, in order
};

}  // namespace postern::smtp
