// SPDX-License-Identifier: BSD-3-Clause
//
// One thread, which sleeps in poll(): signals come as reads (signalfd), so nothing interrupts
// anything, and the parent may fork at any time.
#include "control/process/supervisor.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <exception>
#include <system_error>
#include <utility>

#include "control/process/system_calls.h"

namespace postern::process {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWatchTime{1000};
constexpr milliseconds kHandOverTime{10'000};  // a worker that does not answer is not waited for
constexpr milliseconds kKillTime{10'000};      // after the drain time

sigset_t our_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR2, SIGCHLD}) sigaddset(&set, signal);
  return set;
}

void restore_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "signal=" + std::to_string(WTERMSIG(status));
  return "status=" + std::to_string(WEXITSTATUS(status));
}

}  // namespace

Supervisor::Supervisor(SupervisorOptions options, Doors doors, std::optional<Inheritance> inherited)
    : options_(std::move(options)), doors_(std::move(doors)), looked_at_(Clock::now()) {
  for (const auto& file : options_.watched) watches_.emplace_back(file);
  places_.resize(options_.workers);
  if (!inherited) return;
  was_ready_ = inherited->was_ready;
  for (const auto& left : inherited->workers) {
    Worker worker{.pid = left.pid, .number = left.number, .state = State::kServing, .former = true};
    worker.channel = Channel(listen::Descriptor(left.channel));
    worker.notifications = listen::Descriptor(left.notifications);
    workers_.push_back(std::move(worker));
  }
}

Supervisor::~Supervisor() = default;

int Supervisor::run() {
  const sigset_t ours = our_signals();
  ::sigprocmask(SIG_BLOCK, &ours, nullptr);
  signals_ = listen::Descriptor(::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) throw std::system_error(errno, std::system_category(), "signals");
  files_ = GivenFiles::read(options_.files());
  reap();  // whoever ended while the version changed
  for (size_t number = 0; number < options_.workers; number++)
    if (const auto status = start(number)) return *status;
  while (!killing_at_ || !workers_.empty()) {
    wait_for_events();
    watch_files();
    begin_prepared();
    announce();
    if (const auto status = start_due_workers()) return *status;
  }
  if (was_ready_) spdlog::info("stopped workers=all");
  return status_;
}

std::optional<int> Supervisor::start(size_t number) {
  places_[number].start_at.reset();
  auto [ours, theirs] = Channel::make();
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::system_category(), "a worker cannot be started");
  if (pid == 0) return become_worker(number, std::move(theirs), parent);
  Worker worker{.pid = pid, .number = number};
  worker.channel = std::move(ours);
  worker.started = Clock::now();
  workers_.push_back(std::move(worker));
  return std::nullopt;
}

int Supervisor::become_worker(size_t number, Channel channel, pid_t parent) {
  workers_.clear();
  signals_.close();
  std::signal(SIGHUP, SIG_IGN);  // both are the parent's
  std::signal(SIGUSR2, SIG_IGN);
  restore_signals();
  ::prctl(PR_SET_NAME, "postern-worker", 0, 0, 0);
  Assignment assignment{number, std::move(channel), std::move(files_), doors_.take(number)};
  lay_down_privileges(options_.identity);
  die_with_parent(parent);
  if (options_.limit_system_calls && can_limit_system_calls()) {
    const listen::Descriptor notifications = limit_system_calls();
    assignment.channel.send(Word::kRefusedCalls, notifications.get());
  }
  return options_.work(std::move(assignment));
}

std::optional<int> Supervisor::start_due_workers() {
  for (size_t number = 0; number < places_.size(); number++) {
    const auto& at = places_[number].start_at;
    if (killing_at_ || !at || *at > Clock::now()) continue;
    if (const auto status = start(number)) return status;
  }
  return std::nullopt;
}

void Supervisor::wait_for_events() {
  auto until = Clock::now() + kWatchTime;
  for (const auto& place : places_)
    if (place.start_at) until = std::min(until, *place.start_at);
  std::vector<pollfd> waits = {{.fd = signals_.get(), .events = POLLIN, .revents = 0}};
  for (const auto& worker : workers_) {
    // Those of a worker that has gone are negative, which poll() leaves out.
    waits.push_back({.fd = worker.channel.fd(), .events = POLLIN, .revents = 0});
    waits.push_back({.fd = worker.notifications.get(), .events = POLLIN, .revents = 0});
  }
  const auto wait = std::chrono::ceil<milliseconds>(until - Clock::now());
  ::poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(wait.count(), 0)));
  size_t i = 1;
  for (auto& worker : workers_) {
    if (waits[i].revents != 0) read_words(worker);
    if (waits[i + 1].revents != 0) answer_refused_call(worker, waits[i + 1].revents);
    i += 2;
  }
  read_signals();
  if (killing_at_ && *killing_at_ <= Clock::now())
    for (const auto& worker : workers_) ::kill(worker.pid, SIGKILL);
}

void Supervisor::read_signals() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) {
    switch (signal.ssi_signo) {
      case SIGCHLD:
        reap();
        break;
      case SIGHUP:
        give_files(Word::kReload);
        break;
      case SIGUSR2:
        check_new_version();
        break;
      default:
        stop();
        break;
    }
  }
}

void Supervisor::read_words(Worker& worker) {
  Message message{};
  for (;;) {
    switch (worker.channel.receive(message)) {
      case Channel::Received::kNothing:
        return;
      case Channel::Received::kEnd:
        worker.channel = Channel();  // its end is seen by SIGCHLD
        return;
      case Channel::Received::kWord:
        break;
    }
    if (message.word == Word::kRefusedCalls) {
      worker.notifications = std::move(message.descriptor);
    } else if (message.word == Word::kPrepared) {
      worker.state = State::kPrepared;
    } else if (message.word == Word::kServing) {
      worker.state = State::kServing;
      spdlog::info("worker state=serving worker={} pid={}", worker.number, worker.pid);
    } else if (message.word == Word::kHandedOver) {
      worker.state = State::kLeaving;
    }
  }
}

void Supervisor::answer_refused_call(Worker& worker, short events) {
  if ((events & POLLIN) == 0) {  // nobody is left who could make one
    worker.notifications.close();
    return;
  }
  const std::string call = refuse_system_call(worker.notifications.get());
  auto& told = worker.refused_calls;
  if (call.empty() || std::ranges::find(told, call) != told.end()) return;
  told.push_back(call);
  spdlog::warn("system-call state=refused worker={} pid={} call={}", worker.number, worker.pid,
               call);
}

// One that is prepared serves once nobody else accepts in its place.
void Supervisor::begin_prepared() {
  for (auto& worker : workers_) {
    if (worker.state != State::kPrepared || worker.former) continue;
    bool free = true;
    for (auto& other : workers_) {
      if (!other.former || other.state == State::kLeaving) continue;
      // Where there were more places before, those of all that are too many are the first one's.
      if (other.number % places_.size() != worker.number) continue;
      if (other.state != State::kHandingOver) {
        other.state = State::kHandingOver;
        other.hand_over_by = Clock::now() + kHandOverTime;
        if (!other.channel.send(Word::kHandOver)) ::kill(other.pid, SIGTERM);
      }
      if (Clock::now() < other.hand_over_by)
        free = false;
      else
        ::kill(other.pid, SIGTERM);
    }
    if (!free) continue;
    worker.channel.send(Word::kBegin);
    worker.state = State::kStarting;
  }
}

void Supervisor::reap() {
  int status = 0;
  while (const pid_t pid = ::waitpid(-1, &status, WNOHANG)) {
    if (pid < 0) return;
    if (pid == checking_) {
      new_version_checked(status);
      continue;
    }
    const auto worker = std::ranges::find(workers_, pid, &Worker::pid);
    if (worker == workers_.end()) continue;
    read_words(*worker);
    ended(*worker, status);
    workers_.erase(worker);
  }
}

void Supervisor::ended(const Worker& worker, int status) {
  const bool expected = killing_at_ || worker.former;
  // What kept it from beginning it has said itself.
  const bool said = !was_ready_ && WIFEXITED(status);
  if (!said)
    spdlog::log(expected ? spdlog::level::info : spdlog::level::err,
                "worker state=ended worker={} pid={} {}", worker.number, worker.pid,
                how_it_ended(status));
  if (expected) return;
  if (!was_ready_) {
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    stop();
    return;
  }
  const auto lived = std::chrono::duration_cast<milliseconds>(Clock::now() - worker.started);
  auto& place = places_[worker.number];
  place.start_at = Clock::now() + place.pace.after_death(lived);
}

void Supervisor::give_files(Word word) {
  const GivenFiles now = GivenFiles::read(options_.files());
  files_.update(now);
  try {
    const listen::Descriptor packed = now.pack();
    for (auto& worker : workers_)
      if (!worker.former && worker.channel.fd() >= 0) worker.channel.send(word, packed.get());
  } catch (const std::system_error& error) {
    spdlog::error("files state=refused error=\"{}\"", error.what());
  }
}

void Supervisor::watch_files() {
  if (Clock::now() - looked_at_ < kWatchTime) return;
  looked_at_ = Clock::now();
  bool changed = false;
  for (auto& watch : watches_) changed |= watch.changed();
  if (changed) give_files(Word::kFiles);
}

void Supervisor::announce() {
  if (announced_ || killing_at_) return;
  for (size_t number = 0; number < places_.size(); number++) {
    const auto serves = [number](const Worker& worker) {
      return worker.number == number && !worker.former && worker.state == State::kServing;
    };
    if (std::ranges::none_of(workers_, serves)) return;
  }
  announced_ = was_ready_ = true;
  options_.ready();
  ::sd_notify(0, "READY=1");
}

void Supervisor::stop() {
  if (killing_at_) return;
  ::sd_notify(0, "STOPPING=1");
  killing_at_ = Clock::now() + options_.drain_time + kKillTime;
  for (const auto& worker : workers_) ::kill(worker.pid, SIGTERM);
  if (checking_ != 0) ::kill(checking_, SIGTERM);
}

// It tries its settings and files, as a worker would, before it gets this process.
void Supervisor::check_new_version() {
  if (killing_at_ || checking_ != 0) return;
  if (!announced_) {
    spdlog::warn("upgrade state=refused error=\"not all workers serve yet\"");
    return;
  }
  spdlog::info("upgrade state=checking program={}", options_.program.front());
  checking_ = ::fork();
  if (checking_ < 0) {
    checking_ = 0;
    spdlog::error("upgrade state=refused error=\"it cannot be started\"");
  } else if (checking_ == 0) {
    restore_signals();
    auto words = options_.program;
    words.push_back(options_.check_argument);
    ::dup2(STDERR_FILENO, STDOUT_FILENO);
    ::execv(words.front().c_str(), pointers_to(words).data());
    ::_exit(127);
  }
}

void Supervisor::new_version_checked(int status) {
  checking_ = 0;
  if (killing_at_) return;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    make_way();
    return;
  }
  spdlog::error(
      "upgrade state=refused {} error=\"the new version would not run; this one goes on\"",
      how_it_ended(status));
}

void Supervisor::make_way() {
  Inheritance heirs{.steering_key = doors_.steering().key(),
                    .was_ready = was_ready_,
                    .sockets = doors_.descriptors(),
                    .workers = {}};
  for (const auto& worker : workers_)
    heirs.workers.push_back(
        {worker.pid, worker.number, worker.channel.fd(), worker.notifications.get()});
  try {
    const listen::Descriptor left = heirs.leave();
    spdlog::info("upgrade state=executing program={}", options_.program.front());
    std::fflush(nullptr);
    auto words = options_.program;
    ::execv(words.front().c_str(), pointers_to(words).data());
    throw std::system_error(errno, std::system_category(), words.front());
  } catch (const std::system_error& error) {
    heirs.keep();
    spdlog::error("upgrade state=refused error=\"{}\"", error.what());
  }
}

}  // namespace postern::process
