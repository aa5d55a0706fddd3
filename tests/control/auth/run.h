// SPDX-License-Identifier: BSD-3-Clause
//
// Runs one message through the Authenticator on a loop of its own, in pieces of any size.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <string_view>

#include "control/auth/authenticate.h"

namespace postern::auth {

// chunk: octets a piece; 0: at once.
inline AuthResult authenticate(std::string_view message, dns::Resolver& resolver,
                               const Envelope& envelope = {}, size_t chunk = 0) {
  Authenticator authenticator;
  while (!message.empty()) {
    const auto piece = message.substr(0, chunk == 0 ? message.size() : chunk);
    authenticator.update(piece);
    message.remove_prefix(piece.size());
  }
  boost::asio::io_context loop(1);
  AuthResult result;
  std::exception_ptr failure;
  boost::asio::co_spawn(loop, authenticator.finish(envelope, resolver),
                        [&](std::exception_ptr error, AuthResult value) {
                          failure = error;
                          result = std::move(value);
                        });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return result;
}

inline Envelope at_time(int64_t now) {
  Envelope envelope;
  envelope.now = now;
  return envelope;
}

}  // namespace postern::auth
