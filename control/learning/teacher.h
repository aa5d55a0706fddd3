// SPDX-License-Identifier: BSD-3-Clause
//
// Teacher: brings what was learned about sources to the packet engines, as expiring entries over
// their management API (docs/management-api.md), and takes out what was taken back. Each engine has
// a queue of its own, of prefixes: what is brought is what is known of them then. One that does not
// answer, or does not let us in, is tried again, while the entry is worth it. An engine that was
// away or has started anew gets all that has not expired; so does one whose queue was full. What is
// to be taken out has a queue of its own, and goes first: where that is full, the entry stays until
// it expires. Nothing here is ever in the way of mail.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/learning/learning.h"
#include "control/web/engine_client.h"

namespace postern::learning {

struct TeacherOptions {
  std::vector<std::string> engines;    // sockets, or https://HOST:PORT
  web::EngineCredentials credentials;  // for the latter
  size_t queue = 4096;                 // prefixes per engine to bring, and as many to take out
  std::chrono::milliseconds call_time{5000};
  std::chrono::milliseconds first_retry{1000};  // doubled after each failure, up to
  std::chrono::milliseconds last_retry{30000};
  std::chrono::milliseconds check_time{10000};  // how often one is asked whether it has restarted
};

class Teacher {
 public:
  // learning: what is known; outlives what the loop does of this. Nobody is called before start().
  Teacher(boost::asio::io_context& loop, TeacherOptions options, Learning& learning);
  ~Teacher();
  Teacher(const Teacher&) = delete;
  Teacher& operator=(const Teacher&) = delete;

  void start();                      // once
  void teach(const Prefix& prefix);  // is, or was a moment ago, in learning
  // Is not any more. told: called once every engine has let go of it, has learned it anew or says
  // that there can be no such entry; not where its queue was full. Empty: nobody asks.
  void forget(const Prefix& prefix, std::function<void()> told = {});
  void teach_all();
  // What is shown to engines from now on. Who refused what was shown before gets all.
  void use(const web::EngineCredentials& credentials);
  // An engine as it is seen now, for people who look.
  struct EngineState {
    std::string engine;
    std::optional<bool> reached;  // nullopt: not asked yet
    int64_t since;                // Unix seconds, from when on it is or is not; 0: not asked yet
    size_t waiting;               // prefixes that it is yet to be told of
    std::string error;            // of the last call that failed; empty: there was none
    int64_t failed;               // and when it was
  };
  std::vector<EngineState> engines() const;
  // Gives up what waits. The loop then runs out of Teacher's work.
  void stop();

 private:
  // Counts the engines that have yet to hear of something.
  struct Telling {
    size_t left;
    std::function<void()> told;
  };
  struct Removal {
    std::vector<std::shared_ptr<Telling>> tellings;
    bool asked = true;  // since it was last under way
  };
  enum class From { kRemovals, kWaiting, kBacklog };
  struct Task {
    Prefix prefix;
    From from;
  };
  enum class Delivery { kLater, kDone, kRefused };
  struct Engine {
    Engine(boost::asio::io_context& loop, const std::string& engine,
           const web::EngineCredentials& credentials)
        : client(engine, credentials), wake(loop) {}
    web::EngineClient client;
    boost::asio::steady_timer wake;
    std::map<Prefix, Removal> removals;  // first, in no order
    std::deque<Prefix> waiting;          // what came last is next
    std::vector<Prefix> backlog;         // the last is next; after what waits
    size_t brought = 0;                  // of the backlog
    bool behind = false;                 // there was no room to wait: all of it, then
    bool overflowing = false;            // of removals, which is told once
    bool taught = false;                 // it has taken something
    bool lost = false;                   // it did not answer the last time
    std::optional<std::chrono::steady_clock::time_point> started;  // as it said
    std::optional<bool> reached;                                   // as in EngineState
    int64_t since = 0;
    std::string error;
    int64_t failed = 0;
  };
  struct State;
  static boost::asio::awaitable<void> run(std::shared_ptr<State> state,
                                          std::shared_ptr<Engine> engine);
  static boost::asio::awaitable<void> check(State& state, Engine& engine);
  static std::optional<Task> take(State& state, Engine& engine);
  static boost::asio::awaitable<Delivery> deliver(State& state, Engine& engine, Task task);
  static void finish(Engine& engine, const Task& task, Delivery delivery);
  static void note(Engine& engine, const web::ApiReply& reply);
  static void begin_backlog(State& state, Engine& engine);
  std::shared_ptr<State> state_;
};

}  // namespace postern::learning
