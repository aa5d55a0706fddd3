// SPDX-License-Identifier: BSD-3-Clause
//
// One coroutine per engine, asleep while there is nothing to bring, but for a look whether the
// engine is still the one that was taught.
#include "control/learning/teacher.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <ctime>
#include <utility>

#include "control/loop/launch.h"
#include "control/policy/log_text.h"

namespace postern::learning {

namespace asio = boost::asio;
using policy::log_value;
using std::chrono::steady_clock;

namespace {

// Uptimes are told in whole seconds.
constexpr std::chrono::seconds kSameStart{2};

std::optional<int64_t> uptime_in(const boost::json::value& body) {
  const auto* object = body.if_object();
  const auto* uptime = object == nullptr ? nullptr : object->if_contains("uptime");
  if (uptime == nullptr || !(uptime->is_int64() || uptime->is_uint64())) return std::nullopt;
  return uptime->is_int64() ? uptime->get_int64() : static_cast<int64_t>(uptime->get_uint64());
}

}  // namespace

struct Teacher::State {
  State(TeacherOptions of, Learning& known) : options(std::move(of)), learning(known) {}
  const TeacherOptions options;
  Learning& learning;
  std::vector<std::shared_ptr<Engine>> engines;
  bool stopped = false;
};

Teacher::Teacher(asio::io_context& loop, TeacherOptions options, Learning& learning)
    : state_(std::make_shared<State>(std::move(options), learning)) {
  for (const auto& socket : state_->options.engines) {
    auto engine = std::make_shared<Engine>(loop, socket, state_->options.credentials);
    state_->engines.push_back(engine);
  }
}

void Teacher::start() {
  for (const auto& engine : state_->engines)
    loop::launch(engine->wake.get_executor(), run(state_, engine));
}

Teacher::~Teacher() {
  stop();
}

void Teacher::stop() {
  state_->stopped = true;
  for (auto& engine : state_->engines) engine->wake.cancel();
}

void Teacher::teach(const Prefix& prefix) {
  for (auto& engine : state_->engines) {
    engine->waiting.push_front({.prefix = prefix});
    if (engine->waiting.size() > state_->options.queue) {
      const Task last = engine->waiting.back();
      engine->waiting.pop_back();
      if (last.forget)
        engine->waiting.push_front(last);  // what is known does not say it again
      else
        engine->behind = true;
    }
    engine->wake.cancel();
  }
}

void Teacher::forget(const Prefix& prefix, std::function<void()> told) {
  if (told && state_->engines.empty()) return told();
  std::shared_ptr<Telling> telling;
  if (told) telling = std::make_shared<Telling>(Telling{state_->engines.size(), std::move(told)});
  for (auto& engine : state_->engines) {
    engine->waiting.push_front({.prefix = prefix, .forget = true, .telling = telling});
    engine->wake.cancel();
  }
}

void Teacher::teach_all() {
  for (auto& engine : state_->engines) {
    begin_backlog(*state_, *engine);
    engine->wake.cancel();
  }
}

void Teacher::use(const web::EngineCredentials& credentials) {
  for (auto& engine : state_->engines) engine->client.use(credentials);
  teach_all();
}

std::vector<Teacher::EngineState> Teacher::engines() const {
  std::vector<EngineState> states;
  for (const auto& engine : state_->engines)
    states.push_back({.engine = engine->client.socket_path(),
                      .reached = engine->reached,
                      .since = engine->since,
                      .waiting = engine->waiting.size() + engine->backlog.size(),
                      .error = engine->error,
                      .failed = engine->failed});
  return states;
}

void Teacher::note(Engine& engine, const web::ApiReply& reply) {
  const int64_t now = std::time(nullptr);
  const bool reached = reply.status != 0;
  if (engine.reached != reached) engine.since = now;
  engine.reached = reached;
  if (reply.ok()) return;
  engine.error = reply.error;
  engine.failed = now;
}

void Teacher::begin_backlog(State& state, Engine& engine) {
  engine.backlog = state.learning.prefixes(std::time(nullptr));
  std::ranges::reverse(engine.backlog);  // what lasts longest is brought first
  engine.brought = 0;
  engine.behind = false;
}

asio::awaitable<void> Teacher::run(std::shared_ptr<State> state, std::shared_ptr<Engine> engine) {
  const auto& options = state->options;
  auto pause = options.first_retry;
  boost::system::error_code woken;
  while (!state->stopped) {
    if (engine->waiting.empty() && engine->backlog.empty() && engine->behind)
      begin_backlog(*state, *engine);
    if (engine->waiting.empty() && engine->backlog.empty()) {
      engine->wake.expires_after(options.check_time);
      co_await engine->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      if (!woken && !state->stopped) co_await check(*state, *engine);
      continue;
    }
    const bool of_backlog = engine->waiting.empty();
    Task task;
    if (of_backlog) {
      task.prefix = engine->backlog.back();
      engine->backlog.pop_back();
    } else {
      task = engine->waiting.front();
      engine->waiting.pop_front();
    }
    const auto delivery = co_await deliver(*state, *engine, task, of_backlog);
    if (state->stopped) co_return;
    if (delivery == Delivery::kDone && task.telling && --task.telling->left == 0)
      task.telling->told();
    if (delivery != Delivery::kLater) {
      pause = options.first_retry;
      if (of_backlog && engine->backlog.empty() && engine->brought > 0)
        spdlog::info("lessons engine={} brought={}", engine->client.socket_path(), engine->brought);
      continue;
    }
    if (of_backlog)
      engine->backlog.push_back(task.prefix);
    else
      engine->waiting.push_front(task);
    engine->wake.expires_after(pause);
    co_await engine->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    pause = std::min(pause * 2, options.last_retry);
  }
}

// Whether it has what it was taught: not where it was away, or says that it has started since.
asio::awaitable<void> Teacher::check(State& state, Engine& engine) {
  const auto reply =
      co_await engine.client.call("GET", "/v1/health", nullptr, state.options.call_time);
  note(engine, reply);
  if (!reply.ok()) {
    engine.lost = true;
    co_return;
  }
  bool anew = std::exchange(engine.lost, false);
  if (const auto uptime = uptime_in(reply.body)) {
    const auto started = steady_clock::now() - std::chrono::seconds{*uptime};
    anew |= engine.started && started > *engine.started + kSameStart;
    if (!engine.started || anew) engine.started = started;
  }
  if (anew) begin_backlog(state, engine);
}

// kDone: brought, or no longer worth bringing. kRefused: for good.
asio::awaitable<Teacher::Delivery> Teacher::deliver(State& state, Engine& engine, Task task,
                                                    bool of_backlog) {
  const int64_t now = std::time(nullptr);
  const std::string prefix = task.prefix.to_string();
  const std::string& socket = engine.client.socket_path();
  const auto* known = state.learning.find(task.prefix, now);
  // It may have been learned again since.
  const bool forget = task.forget && known == nullptr;
  if (known == nullptr && !forget) co_return Delivery::kDone;
  boost::json::object body;
  body["prefix"] = prefix;
  std::string reason;
  int64_t seconds = 0;
  if (!forget) {
    reason = known->reason;
    seconds = known->expires - now;
    body["action"] = "drop";
    body["reason"] = reason;
    body["seconds"] = seconds;
  }
  const std::string method = forget ? "DELETE" : "POST";
  const auto reply =
      co_await engine.client.call(method, "/v1/entries", std::move(body), state.options.call_time);
  if (state.stopped) co_return Delivery::kLater;
  const bool gone = forget && reply.status == 404;
  if (!gone) note(engine, reply);
  const bool refused = !gone && reply.status >= 400 && reply.status < 500;
  if (reply.status == 0)
    engine.lost = true;
  else if (std::exchange(engine.lost, false) && engine.taught)
    begin_backlog(state, engine);  // what it had been taught before may be gone
  if (reply.ok() || gone) {
    engine.taught = true;
    if (of_backlog) {
      engine.brought++;
      spdlog::debug("learned source={} seconds={} engine={} reason={}", prefix, seconds, socket,
                    log_value(reason));
    } else if (forget) {
      spdlog::info("unlearned source={} engine={} outcome={}", prefix, socket,
                   gone ? "not-there" : "removed");
    } else {
      spdlog::info("learned source={} seconds={} engine={} reason={}", prefix, seconds, socket,
                   log_value(reason));
    }
    co_return Delivery::kDone;
  }
  spdlog::warn("{} source={} engine={} outcome={} error={}", forget ? "unlearn" : "learn", prefix,
               socket, refused ? "refused" : "later", log_value(reply.error));
  co_return refused ? Delivery::kRefused : Delivery::kLater;
}

}  // namespace postern::learning
