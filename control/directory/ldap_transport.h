// SPDX-License-Identifier: BSD-3-Clause
//
// The connection beneath LDAP: resolving, connecting and TLS, all on the loop. libldap would do
// each of these by waiting; it is given a descriptor on which everything has been done. Where there
// is TLS, that is one end of a socket pair, and coroutines carry its bytes to and fro.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "control/directory/ldap_server.h"

namespace postern::directory {

struct LdapTransportOptions {
  bool start_tls = false;  // for ldap://; a server that refuses it is not used
  std::string ca_file;     // PEM: who may have signed servers' certificates; empty: the system's
};

// TLS 1.2 and later, the server's certificate required. Throws std::runtime_error naming the file.
std::shared_ptr<boost::asio::ssl::context> make_ldap_tls(const LdapTransportOptions& options);

// A connected descriptor that does not block, the caller's to close. Throws std::exception with
// what went wrong, in one line. Certificates must be for the host of the URI. time: for the host's
// address to be found; the rest is bounded by whoever cancels it.
boost::asio::awaitable<int> connect_to(LdapServer server, bool start_tls,
                                       std::shared_ptr<boost::asio::ssl::context> tls,
                                       std::chrono::milliseconds time);

}  // namespace postern::directory
