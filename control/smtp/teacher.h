// SPDX-License-Identifier: BSD-3-Clause
//
// Teacher: brings what was learned about sources to the packet engines, as expiring entries over
// their management API (docs/management-api.md). Each engine has a queue of its own; one that does
// not answer is tried again, while the entry is worth it. When a queue is full its oldest entry is
// forgotten: the source will offend again. Nothing here is ever in the way of mail.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/policy/evidence.h"
#include "control/web/engine_client.h"

namespace postern::smtp {

struct TeacherOptions {
  std::vector<std::string> engines;      // sockets, or https://HOST:PORT
  web::EngineCredentials credentials;    // for the latter
  std::chrono::seconds learn_for{3600};  // how long an entry lives; at least 1
  size_t queue = 4096;                   // entries per engine
  std::chrono::milliseconds call_time{5000};
  std::chrono::milliseconds first_retry{1000};  // doubled after each failure, up to
  std::chrono::milliseconds last_retry{30000};
};

class Teacher {
 public:
  Teacher(boost::asio::io_context& loop, TeacherOptions options);
  ~Teacher();
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;

  // now: Unix seconds. learn_for: how long the entry lives; unset: as the options say.
  void teach(const policy::Finding& finding, int64_t now,
             std::optional<std::chrono::seconds> learn_for = std::nullopt);
  // Gives up what waits. The loop then runs out of Teacher's work.
  void stop();

 private:
  struct Lesson {
    std::string prefix;
    std::string reason;
    int64_t expires;  // Unix seconds
  };
  struct Engine {
    Engine(boost::asio::io_context& loop, const std::string& engine,
           const web::EngineCredentials& credentials)
        : client(engine, credentials), wake(loop) {}
    web::EngineClient client;
    boost::asio::steady_timer wake;
    std::deque<Lesson> waiting;
    uint64_t forgotten = 0;
  };
  struct State;
  static boost::asio::awaitable<void> run(std::shared_ptr<State> state,
                                          std::shared_ptr<Engine> engine);
  static boost::asio::awaitable<bool> deliver(const TeacherOptions& options, Engine& engine,
                                              Lesson lesson);
  std::shared_ptr<State> state_;
};

}  // namespace postern::smtp
