// SPDX-License-Identifier: BSD-3-Clause
//
// Supervisor: the parent of the workers. It keeps what needs privileges: the listening sockets, and
// the files that only it may read, and gives both to workers, which have none. It starts a worker
// again that has died, passes signals on, and makes way for a new version of the program. It opens
// no connection and reads no octet that came from one; from its workers it takes single words.
//
// A worker is a fork, so that there is no second program and no second reading of the settings. A
// new version takes the parent's place in its process; the workers of the old one serve until those
// of the new one are prepared, and then, one by one, hand over: at no time do two workers accept
// from one socket, so what each remembers of sources is whole.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "control/process/channel.h"
#include "control/process/doors.h"
#include "control/process/file_watch.h"
#include "control/process/given_files.h"
#include "control/process/inheritance.h"
#include "control/process/privileges.h"
#include "control/process/restart_pace.h"

namespace postern::process {

// What a worker is made of.
struct Assignment {
  size_t number;  // from 0
  Channel channel;
  GivenFiles files;
  std::vector<GivenSocket> sockets;
};

struct SupervisorOptions {
  size_t workers = 1;
  std::function<std::vector<std::string>()> files;  // which only the parent may read
  std::vector<std::string> watched;                 // of those: read again when they were replaced
  std::optional<Identity> identity;                 // of the workers; nullopt: as the parent
  bool limit_system_calls = true;
  std::chrono::milliseconds drain_time{30'000};  // beyond it and a little more they are killed
  std::vector<std::string> program;  // what a new version is started by: path, arguments
  std::string check_argument;        // makes it try itself and end
  // In a worker: serves, and returns the exit status. What it throws is told by whoever called
  // run().
  std::function<int(Assignment)> work;
  // Connections are accepted.
  std::function<void()> ready;
};

class Supervisor {
 public:
  Supervisor(SupervisorOptions options, Doors doors, std::optional<Inheritance> inherited);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Until all has ended: the exit status. Also returns in workers, with theirs. Throws what keeps
  // the parent from beginning.
  int run();

 private:
  using Clock = std::chrono::steady_clock;
  enum class State : uint8_t { kStarting, kPrepared, kServing, kHandingOver, kLeaving };
  struct Worker {
    pid_t pid = 0;
    size_t number = 0;
    State state = State::kStarting;
    bool former = false;  // of the version before
    Channel channel = {};
    listen::Descriptor notifications = {};
    std::vector<std::string> refused_calls = {};  // told already
    Clock::time_point started = {};
    Clock::time_point hand_over_by = {};
  };
  struct Place {  // of a worker, whoever holds it
    RestartPace pace;
    std::optional<Clock::time_point> start_at;
  };

  // The exit status where this is now a worker that has ended.
  std::optional<int> start(size_t number);
  int become_worker(size_t number, Channel channel, pid_t parent);
  std::optional<int> start_due_workers();
  void wait_for_events();
  void read_signals();
  void read_words(Worker& worker);
  void answer_refused_call(Worker& worker, short events);
  void begin_prepared();
  void reap();
  void ended(const Worker& worker, int status);
  void give_files(Word word);
  void watch_files();
  void announce();
  void stop();
  void check_new_version();
  void new_version_checked(int status);
  void make_way();

  SupervisorOptions options_;
  Doors doors_;
  GivenFiles files_;
  std::vector<FileWatch> watches_;
  Clock::time_point looked_at_;
  std::list<Worker> workers_;
  std::vector<Place> places_;
  listen::Descriptor signals_;
  bool was_ready_ = false;  // ever
  bool announced_ = false;
  std::optional<Clock::time_point> killing_at_;  // once it is stopping
  pid_t checking_ = 0;                           // a new version
  int status_ = 0;
};

}  // namespace postern::process
