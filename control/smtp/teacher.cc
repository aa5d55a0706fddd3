// SPDX-License-Identifier: BSD-3-Clause
//
// One coroutine per engine, asleep while there is nothing to bring.
#include "control/smtp/teacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <ctime>
#include <utility>

#include "control/policy/log_text.h"

namespace postern::smtp {

namespace asio = boost::asio;
using policy::log_value;

struct Teacher::State {
  TeacherOptions options;
  std::vector<std::shared_ptr<Engine>> engines;
  bool stopped = false;
};

Teacher::Teacher(asio::io_context& loop, TeacherOptions options)
    : state_(std::make_shared<State>()) {
  state_->options = std::move(options);
  for (const auto& socket : state_->options.engines) {
    auto engine = std::make_shared<Engine>(loop, socket, state_->options.credentials);
    state_->engines.push_back(engine);
    asio::co_spawn(loop, run(state_, engine), asio::detached);
  }
}

Teacher::~Teacher() {
  stop();
}

void Teacher::stop() {
  state_->stopped = true;
  for (auto& engine : state_->engines) engine->wake.cancel();
}

void Teacher::teach(const policy::Finding& finding, int64_t now,
                    std::optional<std::chrono::seconds> learn_for) {
  const Lesson lesson{finding.source.to_string(), finding.evidence,
                      now + learn_for.value_or(state_->options.learn_for).count()};
  for (auto& engine : state_->engines) {
    if (engine->waiting.size() >= state_->options.queue) {
      engine->waiting.pop_front();
      engine->forgotten++;
    }
    engine->waiting.push_back(lesson);
    engine->wake.cancel();
  }
}

asio::awaitable<void> Teacher::run(std::shared_ptr<State> state, std::shared_ptr<Engine> engine) {
  const auto& options = state->options;
  auto pause = options.first_retry;
  boost::system::error_code woken;
  while (!state->stopped) {
    if (engine->waiting.empty()) {
      engine->wake.expires_at(std::chrono::steady_clock::time_point::max());
      co_await engine->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      continue;
    }
    Lesson lesson = std::move(engine->waiting.front());
    engine->waiting.pop_front();
    const bool done = co_await deliver(options, *engine, lesson);
    if (done) {
      pause = options.first_retry;
      continue;
    }
    // Room may have been taken meanwhile; what came later is worth as much.
    if (engine->waiting.size() < options.queue)
      engine->waiting.push_front(std::move(lesson));
    else
      engine->forgotten++;
    engine->wake.expires_after(pause);
    co_await engine->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    pause = std::min(pause * 2, options.last_retry);
  }
}

// True when the lesson is done with: brought, refused for good, or no longer worth bringing.
asio::awaitable<bool> Teacher::deliver(const TeacherOptions& options, Engine& engine,
                                       Lesson lesson) {
  const int64_t seconds = lesson.expires - std::time(nullptr);
  if (seconds < 1) co_return true;
  boost::json::object body;
  body["prefix"] = lesson.prefix;
  body["action"] = "drop";
  body["reason"] = lesson.reason;
  body["seconds"] = seconds;
  const auto reply =
      co_await engine.client.call("POST", "/v1/entries", std::move(body), options.call_time);
  const std::string& socket = engine.client.socket_path();
  if (reply.ok()) {
    spdlog::info("learned source={} seconds={} engine={} reason={}", lesson.prefix, seconds, socket,
                 log_value(lesson.reason));
    co_return true;
  }
  const bool refused = reply.status >= 400 && reply.status < 500;
  spdlog::warn("learn source={} engine={} outcome={} error={}", lesson.prefix, socket,
               refused ? "refused" : "later", log_value(reply.error));
  co_return refused;
}

}  // namespace postern::smtp
