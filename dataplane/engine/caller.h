// SPDX-License-Identifier: BSD-3-Clause
//
// Caller: who asks something of the management API, and what they may. Readers see, operators also
// change. The transport knows who it is: by the peer's credentials on a Unix socket
// (peer_roles.h), by the client's certificate over TCP (tls_listener.h).
#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace postern {

enum class Role { kNobody, kReader, kOperator };

struct Caller {
  Role role = Role::kNobody;
  std::string name;              // one line for people: "uid 0 (pid 17)"
  boost::json::object identity;  // the same for the audit log
};

// The process itself: what it does by its clock.
Caller this_engine();

constexpr std::string_view word(Role role) noexcept {
  switch (role) {
    case Role::kReader:
      return "reader";
    case Role::kOperator:
      return "operator";
    default:
      return "nobody";
  }
}

}  // namespace postern
