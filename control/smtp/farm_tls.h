// SPDX-License-Identifier: BSD-3-Clause
//
// FarmTls: TLS as the client of the farm: the authorities that certificates are held against, and
// the last session of each backend, so that the next handshake is short (RFC 8446 §2.2). A session
// that was resumed was verified when it began.
#pragma once

#include <openssl/ssl.h>

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <string>

#include "control/smtp/backend.h"

namespace postern::smtp {

// One backend's last session. Outlives the connections that are set up with it.
class TlsSessionSlot {
 public:
  void put(SSL_SESSION* session) { session_.reset(session); }  // takes it over
  SSL_SESSION* get() const noexcept { return session_.get(); }

 private:
  std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session_{nullptr, SSL_SESSION_free};
};

class FarmTls {
 public:
  // ca_file: PEM; empty: the system's. Throws std::runtime_error naming the file.
  explicit FarmTls(const std::string& ca_file);

  boost::asio::ssl::context& context() noexcept { return context_; }
  // What a handshake with that backend needs to know, before it begins. False: OpenSSL refused.
  static bool prepare(SSL* ssl, const Backend& backend, TlsSessionSlot& slot);

 private:
  boost::asio::ssl::context context_;
};

}  // namespace postern::smtp
