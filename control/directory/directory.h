// SPDX-License-Identifier: BSD-3-Clause
//
// Directory: who receives mail here, as an interface over files, LDAP servers and the mail
// exchangers themselves. An answer has three values, and the third is never taken for the second:
// a directory that is down, misconfigured or overrun knows nothing, and nothing is refused for it.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::directory {

enum class Presence : uint8_t {
  kKnown,
  kUnknown,      // the directory was asked and does not have it: 550 5.1.1 (RFC 3463 §3.2)
  kUnavailable,  // no answer: never a rejection
};

constexpr std::string_view word(Presence presence) noexcept {
  switch (presence) {
    case Presence::kKnown:
      return "known";
    case Presence::kUnknown:
      return "unknown";
    case Presence::kUnavailable:
      break;
  }
  return "unavailable";
}

// What a look-up showed of the directory itself.
enum class Contact : uint8_t {
  kNone,      // it was not asked: a file or a cache answered, or there was nothing to ask for
  kAnswered,  // also where the answer is not believed for this one address
  kFailed,
};

struct Answer {
  Presence presence = Presence::kUnavailable;
  // Known: the address that aliases and extensions lead to, as MailAddress::text() writes it.
  std::string primary = {};
  // Who says so: "file /etc/postern/recipients:12", "ldap ldap://192.0.2.9", "backend".
  std::string source = {};
  // Of an address that is not known: why, in a few words. It may hold bytes of a server's.
  std::string detail = {};
  bool stale = false;  // from the cache, beyond its time, as the directory is unavailable
  Contact contact = Contact::kNone;
};

class Directory {
 public:
  virtual ~Directory() = default;
  // address: as RCPT has it, without the brackets; what cannot be an address is unknown. Never
  // throws for what a directory does; only cancellation of the awaiting coroutine throws. The
  // directory outlives the look-up.
  virtual boost::asio::awaitable<Answer> look_up(std::string address) = 0;
};

}  // namespace postern::directory
