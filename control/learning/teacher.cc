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
constexpr size_t kMostTellings = 16;  // who waits for one removal; others hear at the next start

// What a request is answered that can never be carried out. Who does not let us in, or has no time,
// may do so later: another certificate, another list of those who may.
bool is_for_good(unsigned status) {
  constexpr unsigned kUnauthorized = 401, kForbidden = 403, kTimeout = 408, kTooMany = 429;
  return status >= 400 && status < 500 && status != kUnauthorized && status != kForbidden &&
         status != kTimeout && status != kTooMany;
}

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
    engine->waiting.push_front(prefix);
    if (engine->waiting.size() > state_->options.queue) {
      engine->waiting.pop_back();
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
    auto& removals = engine->removals;
    const bool is_full = removals.size() >= state_->options.queue && !removals.contains(prefix);
    if (is_full) {
      if (!std::exchange(engine->overflowing, true))
        spdlog::warn(
            "unlearn engine={} outcome=left error=\"too many wait: entries stay there "
            "until they expire\"",
            engine->client.socket_path());
      continue;
    }
    auto& removal = removals[prefix];
    removal.asked = true;
    if (telling && removal.tellings.size() < kMostTellings) removal.tellings.push_back(telling);
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
    states.push_back(
        {.engine = engine->client.socket_path(),
         .reached = engine->reached,
         .since = engine->since,
         .waiting = engine->removals.size() + engine->waiting.size() + engine->backlog.size(),
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

// What is next. A removal stays where it is until it is done: more may ask for it meanwhile.
std::optional<Teacher::Task> Teacher::take(State& state, Engine& engine) {
  if (!engine.removals.empty()) {
    auto& [prefix, removal] = *engine.removals.begin();
    removal.asked = false;
    return Task{prefix, From::kRemovals};
  }
  if (engine.waiting.empty() && engine.backlog.empty() && engine.behind)
    begin_backlog(state, engine);
  if (!engine.waiting.empty()) {
    const Task task{engine.waiting.front(), From::kWaiting};
    engine.waiting.pop_front();
    return task;
  }
  if (engine.backlog.empty()) return std::nullopt;
  const Task task{engine.backlog.back(), From::kBacklog};
  engine.backlog.pop_back();
  return task;
}

void Teacher::finish(Engine& engine, const Task& task, Delivery delivery) {
  if (task.from == From::kRemovals && delivery != Delivery::kLater) {
    // What was asked for meanwhile may be to take out what was just brought, learned anew.
    if (engine.removals.at(task.prefix).asked) return;
    const auto done = engine.removals.extract(task.prefix);
    if (engine.removals.empty()) engine.overflowing = false;
    for (const auto& telling : done.mapped().tellings)
      if (--telling->left == 0) telling->told();
  } else if (task.from == From::kWaiting && delivery == Delivery::kLater) {
    engine.waiting.push_front(task.prefix);
  } else if (task.from == From::kBacklog && delivery == Delivery::kLater) {
    engine.backlog.push_back(task.prefix);
  } else if (task.from == From::kBacklog && engine.backlog.empty() && engine.brought > 0) {
    spdlog::info("lessons engine={} brought={}", engine.client.socket_path(), engine.brought);
  }
}

asio::awaitable<void> Teacher::run(std::shared_ptr<State> state, std::shared_ptr<Engine> engine) {
  const auto& options = state->options;
  auto pause = options.first_retry;
  boost::system::error_code woken;
  while (!state->stopped) {
    const auto task = take(*state, *engine);
    if (!task) {
      engine->wake.expires_after(options.check_time);
      co_await engine->wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      if (!woken && !state->stopped) co_await check(*state, *engine);
      continue;
    }
    const auto delivery = co_await deliver(*state, *engine, *task);
    if (state->stopped) co_return;
    finish(*engine, *task, delivery);
    if (delivery != Delivery::kLater) {
      pause = options.first_retry;
      continue;
    }
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

// kDone: brought, or no longer worth bringing. kRefused: for good, and there is no such entry.
asio::awaitable<Teacher::Delivery> Teacher::deliver(State& state, Engine& engine, Task task) {
  const bool of_backlog = task.from == From::kBacklog;
  const int64_t now = std::time(nullptr);
  const std::string prefix = task.prefix.to_string();
  const std::string& socket = engine.client.socket_path();
  const auto* known = state.learning.find(task.prefix, now);
  // It may have been learned again since.
  const bool forget = task.from == From::kRemovals && known == nullptr;
  if (known == nullptr && !forget) co_return Delivery::kDone;
  boost::json::object body;
  body["prefix"] = prefix;
  body["learned"] = true;  // what an operator of the engine decided stays
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
  // Where somebody decided about it, ours is not there.
  constexpr unsigned kNotFound = 404, kConflict = 409;
  const bool gone = forget && (reply.status == kNotFound || reply.status == kConflict);
  if (!gone) note(engine, reply);
  const bool refused = !gone && is_for_good(reply.status);
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
