// SPDX-License-Identifier: BSD-3-Clause
//
// The limits of a worker, each in a process of its own: what is refused with its name told, what
// ends the process, and what goes on working.
#include "control/process/system_calls.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/process/channel.h"

namespace postern::process {
namespace {

struct Outcome {
  int status = 0;
  std::vector<std::string> refused;
};

// Runs `inside` in a limited process, as its parent.
Outcome run_limited(const std::function<int()>& inside) {
  auto [ours, theirs] = Channel::make();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    {
      const auto notifications = limit_system_calls();
      theirs.send(Word::kRefusedCalls, notifications.get());
    }
    ::_exit(inside());
  }
  theirs = Channel();
  Outcome outcome;
  listen::Descriptor notifications;
  for (;;) {
    pollfd waits[] = {{.fd = ours.fd(), .events = POLLIN, .revents = 0},
                      {.fd = notifications.get(), .events = POLLIN, .revents = 0}};
    ::poll(waits, 2, -1);
    if ((waits[1].revents & POLLIN) != 0)
      outcome.refused.push_back(refuse_system_call(notifications.get()));
    Message message{};
    const auto received = ours.receive(message);
    if (received == Channel::Received::kEnd) break;
    if (received == Channel::Received::kWord) notifications = std::move(message.descriptor);
  }
  ::waitpid(pid, &outcome.status, 0);
  return outcome;
}

class SystemCalls : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_limit_system_calls()) GTEST_SKIP() << "not in builds with sanitizers";
  }
};

TEST_F(SystemCalls, OthersAreRefusedAndNamed) {
  const auto outcome = run_limited([] {
    const bool listens = ::listen(0, 1) == 0 || errno != EPERM;
    const bool changes = ::chdir("/") == 0 || errno != EPERM;
    const bool packets = ::socket(AF_PACKET, SOCK_RAW, 0) >= 0 || errno != EPERM;
    const bool signals = ::kill(::getppid(), 0) == 0 || errno != EPERM;
    return listens * 1 + changes * 2 + packets * 4 + signals * 8;
  });
  ASSERT_TRUE(WIFEXITED(outcome.status));
  EXPECT_EQ(WEXITSTATUS(outcome.status), 0);
  EXPECT_EQ(outcome.refused, (std::vector<std::string>{"listen", "chdir", "socket", "kill"}));
}

TEST_F(SystemCalls, AnotherProgramEndsIt) {
  const auto outcome = run_limited([] { return ::execl("/bin/true", "true", nullptr); });
  ASSERT_TRUE(WIFSIGNALED(outcome.status));
  EXPECT_EQ(WTERMSIG(outcome.status), SIGSYS);
}

TEST_F(SystemCalls, AProcessIsRefusedAndAThreadIsNot) {
  const auto outcome = run_limited([] {
    const bool forked = ::fork() >= 0 || errno != EPERM;
    int done = 0;
    std::thread([&] { done = 1; }).join();
    return forked * 1 + (done == 0) * 2;
  });
  ASSERT_TRUE(WIFEXITED(outcome.status));
  EXPECT_EQ(WEXITSTATUS(outcome.status), 0);
}

}  // namespace
}  // namespace postern::process
