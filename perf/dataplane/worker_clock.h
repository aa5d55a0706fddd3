// SPDX-License-Identifier: BSD-3-Clause
//
// WorkerClock: how long a worker's lcore thread has run, from any thread: what other processes take
// of its core does not count.
#pragma once

#include <time.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace postern::perf {

class WorkerClock {
 public:
  // Throws std::runtime_error when EAL has no such worker.
  explicit WorkerClock(unsigned lcore) {
    const auto wanted = "rte-worker-" + std::to_string(lcore);
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::string name;
      std::getline(std::ifstream(task.path() / "comm"), name);
      if (name != wanted) continue;
      // The clock of a thread by its number, as pthread_getcpuclockid makes it.
      const auto thread = static_cast<unsigned>(std::stoul(task.path().filename().string()));
      clock_ = static_cast<clockid_t>(~thread << 3 | 6u);
      return;
    }
    throw std::runtime_error("there is no thread " + wanted);
  }
  double seconds() const noexcept {
    timespec time{};
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
  }

 private:
  clockid_t clock_;
};

}  // namespace postern::perf
