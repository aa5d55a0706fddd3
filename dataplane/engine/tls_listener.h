// SPDX-License-Identifier: BSD-3-Clause
//
// TlsListener: the management API over TCP, for those whose certificate the site's own authority
// signed (mutual TLS, 1.2 or later), and what the names in that certificate may do. Certificates
// are looked at when a client connects; there are no revocation lists: who is to be kept out needs
// an authority of its own to be taken out of the file.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <string>
#include <vector>

#include "dataplane/engine/api_settings.h"
#include "dataplane/engine/caller.h"

namespace postern {

class TlsListener {
 public:
  // Listens at settings.listen at once. Throws std::runtime_error with one line that says what to
  // do: the address is taken or none, a file cannot be used, the key is for everybody to read.
  TlsListener(boost::asio::io_context& loop, const ApiSettings& settings);

  boost::asio::ip::tcp::acceptor& acceptor() noexcept { return acceptor_; }
  boost::asio::ssl::context& context() noexcept { return context_; }
  // connection: after its handshake. An operator where the common name of the certificate's subject
  // or one of its alternative names (DNS, mail, URI) is among settings.operator_names, else a
  // reader.
  Caller caller_of(SSL* connection, const boost::asio::ip::tcp::endpoint& peer) const;

 private:
  boost::asio::ssl::context context_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::string> operators_;
};

}  // namespace postern
