// SPDX-License-Identifier: BSD-3-Clause
//
// The one entry into authentication for those who have a message: feed the bytes as they come,
// then ask. Used by the SMTP proxy and by `postern verify`.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/auth/auth_result.h"
#include "control/dns/resolver.h"
#include "rules/address/address.h"

namespace postern::auth {

// What is known besides the message. Empty: not known.
struct Envelope {
  std::optional<IpAddress> client;
  std::string helo;
  std::string mail_from;
  int64_t now = 0;  // Unix seconds, for t= and x=; 0: the system's clock
};

// Signatures that are verified, the topmost first; each may cost a look-up and a public key
// operation. The ones below are `policy`.
constexpr size_t kMaxSignatures = 10;

// Keeps the header, up to kMaxHeaderLength (header_fields.h), and never the body.
class Authenticator {
 public:
  Authenticator();
  ~Authenticator();
  Authenticator(const Authenticator&) = delete;
  Authenticator& operator=(const Authenticator&) = delete;

  // The message with CRLF line ends and without dot-stuffing, cut anywhere. A bare LF in the input
  // is taken as it is; who reads a file converts first.
  void update(std::string_view bytes);
  // The blanks behind the colons of the fields are a guess: where a signature over them as they are
  // fails, though the body is what was signed, that says nothing, and the result is neutral.
  void header_is_guessed() noexcept;
  // False once the header has ended and no signature needs the body: update() may then be spared.
  bool wants_body() const noexcept;
  // Once, after the last byte. Throws only when the awaiting coroutine is cancelled.
  boost::asio::awaitable<AuthResult> finish(const Envelope& envelope, dns::Resolver& resolver);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern::auth
