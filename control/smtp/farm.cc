// SPDX-License-Identifier: BSD-3-Clause
//
// One loop, one thread: between two co_await nothing else runs.
#include "control/smtp/farm.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>
#include <utility>

#include "control/loop/launch.h"
#include "control/policy/log_text.h"

namespace postern::smtp {

namespace asio = boost::asio;
using boost::system::error_code;
using policy::log_value;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

// How often a backend is asked that does not live.
constexpr milliseconds kRecheckTime{5000};
// The log says that often that there is no room.
constexpr std::chrono::minutes kRoomLogTime{1};

std::vector<FarmPool::Member> members_of(const FarmOptions& options) {
  std::vector<FarmPool::Member> members;
  for (const auto& backend : options.backends)
    members.push_back({.weight = backend.weight, .backup = backend.backup});
  return members;
}

}  // namespace

Farm::Farm(const asio::any_io_executor& executor, const FarmOptions& options)
    : executor_(executor),
      options_(options),
      tls_(options.ca_file),
      pool_(members_of(options), options.pool),
      expiry_timer_(executor) {
  for (const auto& backend : options.backends)
    members_.push_back(std::make_unique<Member>(executor, backend));
  room_->open.resize(members_.size());
}

FarmPool::Time Farm::now() const {
  return std::chrono::duration_cast<milliseconds>(steady_clock::now().time_since_epoch());
}

size_t Farm::live() const {
  size_t count = 0;
  for (size_t i = 0; i < pool_.size(); i++) count += pool_.health(i) == FarmPool::Health::kLive;
  return count;
}

void Farm::start() {
  for (size_t i = 0; i < members_.size(); i++) loop::launch(executor_, watch(i));
}

void Farm::stop() {
  stopping_ = true;
  for (auto& member : members_) member->timer.cancel();
  expiry_timer_.cancel();
  for (auto& idle : idle_) loop::launch(executor_, retire(std::move(idle.leg)));
  idle_.clear();
}

void Farm::cut() {
  cut_ = true;
  while (!room_->waiting.empty()) room_->ring_first();
  for (FarmLeg* leg : opening_) leg->close();
}

std::unique_ptr<FarmLeg> Farm::make(size_t member) {
  Member& of = *members_[member];
  return std::make_unique<FarmLeg>(executor_, options_, of.backend, member, tls_, of.session);
}

asio::awaitable<void> Farm::watch(size_t member) {
  Member& watched = *members_[member];
  while (!stopping_) {
    auto leg = make(member);
    const bool opened = co_await leg->open(nullptr);
    if (stopping_) co_return;
    note(*leg, opened);
    if (opened) co_await leg->quit();
    leg.reset();
    if (stopping_) co_return;
    const bool lives = pool_.health(member) == FarmPool::Health::kLive;
    watched.next_check =
        steady_clock::now() +
        (lives ? options_.check_time : std::min(options_.check_time, kRecheckTime));
    // Sooner where mail takes it out meanwhile.
    while (!stopping_ && steady_clock::now() < watched.next_check) {
      error_code woken;
      watched.timer.expires_at(watched.next_check);
      co_await watched.timer.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    }
  }
}

void Farm::Room::ring_first() {
  if (waiting.empty()) return;
  waiting.front()->cancel();
  waiting.pop_front();
}

bool Farm::is_at_max(size_t member) const {
  const size_t max = members_[member]->backend.max;
  return max > 0 && room_->open[member] >= max;
}

bool Farm::is_full(size_t member) const {
  return is_at_max(member) && std::ranges::none_of(idle_, [&](const Idle& idle) {
           return idle.leg->member() == member;
         });
}

bool Farm::is_crowded(const std::vector<bool>& tried) const {
  for (size_t i = 0; i < tried.size(); i++)
    if (!tried[i] && is_full(i) && pool_.health(i) != FarmPool::Health::kDown) return true;
  return false;
}

std::optional<size_t> Farm::choose(const std::vector<bool>& tried) {
  auto barred = tried;
  for (size_t i = 0; i < barred.size(); i++) barred[i] = barred[i] || is_full(i);
  return pool_.choose(barred, now());
}

asio::awaitable<void> Farm::wait_for_room(steady_clock::time_point end) {
  asio::steady_timer bell(executor_);
  bell.expires_at(end);
  room_->waiting.push_back(&bell);
  // Whichever way the coroutine ends, it stands in the queue no more.
  struct Place {
    std::shared_ptr<Room> room;
    asio::steady_timer& bell;
    ~Place() { std::erase(room->waiting, &bell); }
  } place{room_, bell};
  if (const auto time = steady_clock::now(); time - told_of_room_ >= kRoomLogTime) {
    told_of_room_ = time;
    spdlog::warn("farm state=full live={}/{} waiting={}", live(), pool_.size(),
                 room_->waiting.size());
  }
  error_code woken;
  co_await bell.async_wait(asio::redirect_error(asio::use_awaitable, woken));
}

asio::awaitable<std::unique_ptr<FarmLeg>> Farm::connect(std::optional<ForwardedClient> client,
                                                        Retry retry, AnswerTime time) {
  const ForwardedClient* told = client ? &*client : nullptr;
  auto& tried = retry.tried;
  tried.resize(pool_.size(), false);
  const auto begun = steady_clock::now();
  std::string error = "no backend is live";
  bool again = true;
  bool no_room = false;
  // A client is not kept waiting for the connect time of each of many.
  while (!cut_ && steady_clock::now() - begun <= options_.connect_time &&
         !time.too_late_to_send()) {
    auto chosen = choose(tried);
    if (!chosen && is_crowded(tried)) {
      no_room = steady_clock::now() - begun >= options_.room_time;
      if (no_room) break;
      co_await wait_for_room(std::min(begun + options_.room_time, time.send_by));
      continue;
    }
    if (!chosen && again) {
      // Nobody but those who failed this message before: it may have been a restart.
      tried.assign(pool_.size(), false);
      chosen = choose(tried);
    }
    again = false;
    if (!chosen) break;
    while (auto leg = retry.fresh || cut_ ? nullptr : take_idle(*chosen)) {
      leg->keep_to(time);
      opening_.insert(leg.get());
      bool introduced = false;
      if (client)
        introduced = co_await leg->introduce(*client);
      else
        introduced = leg->stand_for_nobody();
      opening_.erase(leg.get());
      if (!introduced) continue;  // stale, or told already
      pool_.abandoned(*chosen);
      co_return leg;
    }
    // Those that wait are of no use for this one, but for the room that they take.
    if (is_at_max(*chosen)) take_idle(*chosen).reset();
    if (cut_ || is_full(*chosen)) {
      pool_.abandoned(*chosen);
      continue;
    }
    tried[*chosen] = true;
    auto leg = make(*chosen);
    room_->open[*chosen]++;
    leg->occupy(std::shared_ptr<void>(nullptr, [room = room_, member = *chosen](void*) {
      room->open[member]--;
      room->ring_first();
    }));
    leg->keep_to(time);
    opening_.insert(leg.get());
    bool opened = co_await leg->open(told);
    if (opened && client) opened = co_await leg->introduce(*client);
    opening_.erase(leg.get());
    if (cut_) {
      pool_.abandoned(*chosen);
      break;
    }
    // That it answers EHLO does not make up for the mail that it failed to take.
    if (!opened && leg->cut_short())
      pool_.abandoned(*chosen);
    else if (opened && pool_.health(*chosen) == FarmPool::Health::kLive)
      note_offer(*leg);
    else
      note(*leg, opened);
    if (opened) co_return leg;
    error = leg->error();
  }
  had_no_room_ = no_room;
  error_ = no_room ? "no backend has room for another connection" : error;
  room_->ring_first();  // whoever comes next may find the place that this one waited for
  co_return nullptr;
}

std::unique_ptr<FarmLeg> Farm::take_idle(size_t member) {
  // The one that was used last is the least likely to have been closed.
  for (auto idle = idle_.end(); idle != idle_.begin();) {
    --idle;
    if (idle->leg->member() != member) continue;
    auto leg = std::move(idle->leg);
    idle = idle_.erase(idle);
    if (!leg->quiet()) continue;
    leg->reused();
    return leg;
  }
  return nullptr;
}

void Farm::give_back(std::unique_ptr<FarmLeg> leg) {
  if (!leg || !leg->usable()) return;
  leg->keep_to({});
  // Only that it takes mail speaks for it: what it answered before that, it answers when it is ill.
  if (leg->took_text()) note(*leg, true);
  const bool keep = !stopping_ && options_.idle_legs > 0 && leg->fit_for_others() &&
                    leg->messages() < kMostMessages && leg->refusals() < kMostRefusals;
  loop::launch(executor_, keep ? park(std::move(leg)) : retire(std::move(leg)));
}

asio::awaitable<void> Farm::park(std::unique_ptr<FarmLeg> leg) {
  const bool clean = co_await leg->clean();
  if (!clean) {
    Retry nobody;
    lost(std::move(leg), nobody);
    co_return;
  }
  const auto waiting = std::ranges::count_if(
      idle_, [&](const Idle& other) { return other.leg->member() == leg->member(); });
  if (stopping_ || static_cast<size_t>(waiting) >= options_.idle_legs) {
    co_await leg->quit();
    co_return;
  }
  idle_.push_back({std::move(leg), steady_clock::now() + options_.idle_time});
  if (idle_.size() == 1) expire();
}

asio::awaitable<void> Farm::retire(std::unique_ptr<FarmLeg> leg) {
  co_await leg->quit();
}

// Ends those that have waited long enough, and comes again for the next one.
void Farm::expire() {
  while (!idle_.empty() && idle_.front().expires <= steady_clock::now()) {
    loop::launch(executor_, retire(std::move(idle_.front().leg)));
    idle_.pop_front();
  }
  if (idle_.empty() || stopping_) return;
  expiry_timer_.expires_at(idle_.front().expires);
  expiry_timer_.async_wait([this](const error_code& error) {
    if (!error) expire();
  });
}

void Farm::lost(std::unique_ptr<FarmLeg> leg, Retry& retry) {
  if (!leg || leg->cut_short()) return;
  if (leg->stale()) {
    // One that went stale while it waited says nothing of the backend.
    retry.fresh = true;
    return;
  }
  retry.tried.resize(pool_.size(), false);
  retry.tried[leg->member()] = true;
  if (leg->dismissed())
    retry.fresh = true;
  else
    note(*leg, false);
}

void Farm::note_offer(const FarmLeg& leg) {
  auto& known = members_[leg.member()]->offer;
  if (!leg.general_offer() || known == leg.general_offer()) return;
  known = leg.general_offer();
  review_offer();
}

std::vector<Farm::BackendState> Farm::states() const {
  std::vector<BackendState> states;
  for (size_t i = 0; i < members_.size(); i++) {
    const Member& member = *members_[i];
    const auto waits = [i](const Idle& idle) { return idle.leg->member() == i; };
    states.push_back({.backend = member.backend,
                      .health = pool_.health(i),
                      .since = member.since,
                      .open = room_->open[i],
                      .idle = static_cast<size_t>(std::ranges::count_if(idle_, waits)),
                      .error = member.error,
                      .failed = member.failed});
  }
  return states;
}

void Farm::note(const FarmLeg& leg, bool succeeded) {
  const size_t i = leg.member();
  if (!succeeded) {
    members_[i]->error = leg.error();
    members_[i]->failed = std::time(nullptr);
  }
  const bool changed = succeeded ? pool_.succeeded(i, now()) : pool_.failed(i, now());
  if (succeeded) note_offer(leg);
  if (!changed) return;
  members_[i]->since = std::time(nullptr);
  review_offer();
  if (pool_.health(i) == FarmPool::Health::kDown) {
    Member& member = *members_[i];
    member.next_check = std::min(member.next_check, steady_clock::now() + kRecheckTime);
    member.timer.cancel();
  }
  const auto& backend = leg.backend();
  if (pool_.health(i) == FarmPool::Health::kLive)
    spdlog::info("farm state=available host={} port={} live={}/{}", backend.host, backend.port,
                 live(), pool_.size());
  else
    spdlog::warn("farm state=unavailable host={} port={} live={}/{} error={}", backend.host,
                 backend.port, live(), pool_.size(), log_value(leg.error()));
}

void Farm::review_offer() {
  const bool any_live = pool_.any_live();
  std::optional<FarmOffer> all;
  for (size_t i = 0; i < members_.size(); i++) {
    const auto& one = members_[i]->offer;
    if (!one || (any_live && pool_.health(i) != FarmPool::Health::kLive)) continue;
    all = all ? common_offer(*all, *one) : *one;
  }
  if (all) offer_ = all;
}

}  // namespace postern::smtp
