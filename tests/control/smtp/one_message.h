// SPDX-License-Identifier: BSD-3-Clause
//
// What the tests of a proxy and its farm have in common: one message by a client of its own, what
// it hears when no backend can be had, and waiting for what happens on the proxy's thread.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <thread>

#include "tests/control/smtp/running_proxy.h"

namespace postern::test {

inline const std::string kMessage = "From: <a@b.example>\r\nSubject: x\r\n\r\nHello.\r\n";
inline const std::string kUnavailable =
    "451 4.4.1 the mail exchanger does not answer; try again later\r\n";

inline void wait_until(const std::function<bool()>& so) {
  while (!so()) std::this_thread::sleep_for(std::chrono::milliseconds{2});
}

// One message by a client of its own. The last reply.
inline std::string one_message(const RunningProxy& proxy) {
  const auto client = greeted(proxy);
  const auto reply = send_message(*client, kMessage);
  client->say("QUIT");
  return reply;
}

}  // namespace postern::test
