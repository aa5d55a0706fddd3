// SPDX-License-Identifier: BSD-3-Clause
//
// Names of sockets, as postmasters write them.
#include "control/milter/socket_name.h"

#include <gtest/gtest.h>

namespace postern::milter {
namespace {

TEST(SocketName, ReadsWhatLibmilterReads) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"unix:/run/postern/milter.sock", "unix:/run/postern/milter.sock"},
      {"local:/run/m", "unix:/run/m"},
      {"inet:8891@127.0.0.1", "inet:8891@127.0.0.1"},
      {"inet6:8891@::1", "inet6:8891@::1"},
      {"inet6:8891@[::1]", "inet6:8891@::1"},
      {"inet:0@::1", "inet6:0@::1"},
  };
  for (const auto& [text, again] : cases) {
    const auto name = parse_socket_name(text);
    ASSERT_TRUE(name.has_value()) << text;
    EXPECT_EQ(name->to_string(), again);
  }
}

TEST(SocketName, RefusesWhatIsNone) {
  for (const char* text :
       {"", "unix:", "unix:relative", "/run/m", "inet:", "inet:8891", "inet:@127.0.0.1",
        "inet:x@127.0.0.1", "inet:65536@127.0.0.1", "inet:127.0.0.1:8891", "inet:8891@",
        "inet:8891@host", "inet:-1@127.0.0.1", "smtp:25@127.0.0.1"})
    EXPECT_FALSE(parse_socket_name(text).has_value()) << text;
}

}  // namespace
}  // namespace postern::milter
