// SPDX-License-Identifier: BSD-3-Clause
//
// What is said of an errno. The old kernel is this one, which tells a process with the personality
// UNAME26 (personality(2)) that it is a 2.6.
#include "xdp/loader/kernel_error.h"

#include <gtest/gtest.h>
#include <sys/personality.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace postern::xdp {
namespace {

TEST(KernelError, SaysWhichPrivilegesAreMissing) {
  for (const int error : {EPERM, -EPERM, EACCES}) {
    const std::string line = kernel_error("cannot do it", error).what();
    EXPECT_TRUE(line.starts_with("cannot do it: ")) << line;
    EXPECT_NE(line.find("CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"), std::string::npos) << line;
  }
}

TEST(KernelError, SaysThatTheKernelIsTooOld) {
  const std::string here = kernel_error("cannot load", EINVAL).what();
  EXPECT_EQ(here.find("6.1 or later"), std::string::npos) << here;
  const int before = personality(0xffffffff);
  ASSERT_NE(personality(static_cast<unsigned>(before) | UNAME26), -1);
  std::string there[2];
  const int errors[2] = {EINVAL, EACCES};  // EACCES: what a verifier says
  for (size_t i = 0; i < 2; i++) there[i] = kernel_error("cannot load", errors[i]).what();
  personality(static_cast<unsigned>(before));
  for (const auto& line : there) {
    if (geteuid() != 0 && &line == &there[1]) continue;  // then it is for want of privileges
    EXPECT_NE(line.find("the kernel is 2.6."), std::string::npos) << line;
    EXPECT_NE(line.find("Postern needs 6.1 or later"), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace postern::xdp
