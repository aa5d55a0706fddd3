// SPDX-License-Identifier: BSD-3-Clause
//
// What one version of the program leaves to the next: whole, once, and to its own process only.
#include "control/process/inheritance.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace postern::process {
namespace {

constexpr const char* kVariable = "POSTERN_CONTROL_INHERITANCE";

bool closes_on_exec(int descriptor) {
  return (::fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(Inheritance, IsTakenOnceAndWhole) {
  const listen::Descriptor socket(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  const listen::Descriptor channel(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  const Inheritance before{.steering_key = 0xfedcba98,
                           .was_ready = true,
                           .sockets = {socket.get()},
                           .workers = {{4711, 1, channel.get(), -1}}};
  auto memory = before.leave();
  EXPECT_FALSE(closes_on_exec(socket.get()) || closes_on_exec(channel.get()));
  const auto after = Inheritance::take();
  memory.release();  // execve leaves the descriptor to take() alone
  ASSERT_TRUE(after.has_value());
  EXPECT_TRUE(closes_on_exec(socket.get()) && closes_on_exec(channel.get()));
  EXPECT_EQ(after->steering_key, 0xfedcba98);
  EXPECT_TRUE(after->was_ready);
  EXPECT_EQ(after->sockets, before.sockets);
  ASSERT_EQ(after->workers.size(), 1u);
  EXPECT_EQ(after->workers[0].pid, 4711);
  EXPECT_EQ(after->workers[0].number, 1u);
  EXPECT_EQ(after->workers[0].channel, channel.get());
  EXPECT_EQ(after->workers[0].notifications, -1);
  EXPECT_FALSE(Inheritance::take().has_value());
}

TEST(Inheritance, AnothersIsNotTaken) {
  const Inheritance left;
  const auto memory = left.leave();
  const std::string variable = std::getenv(kVariable);
  ::setenv(kVariable, ("1 " + variable.substr(variable.find(' ') + 1)).c_str(), 1);
  EXPECT_FALSE(Inheritance::take().has_value());
  EXPECT_GE(::fcntl(memory.get(), F_GETFD), 0) << "its descriptor is not touched";
  EXPECT_EQ(std::getenv(kVariable), nullptr) << "nor is it passed on";
}

TEST(Inheritance, WhatIsNotExecutedIsTakenBack) {
  const listen::Descriptor socket(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3));
  const Inheritance left{.sockets = {socket.get()}, .workers = {}};
  const auto memory = left.leave();
  left.keep();
  EXPECT_TRUE(closes_on_exec(socket.get()));
  EXPECT_EQ(std::getenv(kVariable), nullptr);
}

}  // namespace
}  // namespace postern::process
