// SPDX-License-Identifier: BSD-3-Clause
//
// Verifying a message that lies in a file, for people and scripts (`postern verify`) and for tests:
// the same Authenticator as the proxy's, run to its end on the spot.
#pragma once

#include <boost/asio/io_context.hpp>
#include <istream>
#include <string>

#include "control/auth/auth_result.h"
#include "control/auth/auth_result_json.h"
#include "control/auth/authenticate.h"
#include "control/dns/resolver.h"

namespace postern::auth {

// Files have bare LF line ends where the message had CRLF: each LF without a CR before it becomes
// CRLF. A first line of mbox ("From joe@example.org Mon ...") is passed over.
// Throws BadInput (rules/text/diagnostic.h) when the file cannot be read.
AuthResult verify_file(const std::string& path, const Envelope& envelope, dns::Resolver& resolver);

// The same, for a resolver that lives on a loop of its own (UnboundResolver): `loop` is that one,
// and nobody else is running it.
AuthResult verify_file(const std::string& path, const Envelope& envelope, dns::Resolver& resolver,
                       boost::asio::io_context& loop);

// The same from a stream; name is for messages.
AuthResult verify_stream(std::istream& message, const std::string& name, const Envelope& envelope,
                         dns::Resolver& resolver, boost::asio::io_context& loop);

}  // namespace postern::auth
