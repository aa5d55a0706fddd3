// SPDX-License-Identifier: BSD-3-Clause
//
// errno, put into words for someone who wants the engine to run (xdp/loader/kernel_error.h).
#include "xdp/loader/kernel_error.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace postern::xdp {
namespace {

// The release, when it is older than the oldest kernel that the program is made for.
std::string too_old() {
  utsname names{};
  int major = 0, minor = 0;
  if (uname(&names) != 0 || std::sscanf(names.release, "%d.%d", &major, &minor) != 2) return {};
  return major < 6 || (major == 6 && minor < 1) ? names.release : std::string();
}

}  // namespace

std::runtime_error kernel_error(const std::string& doing, int error) {
  error = std::abs(error);
  std::string line = doing + ": " + std::strerror(error);
  const auto release = too_old();
  // An old kernel's verifier, too, says EACCES to a program that it does not understand.
  const bool denied = error == EPERM || (error == EACCES && (geteuid() != 0 || release.empty()));
  if (denied)
    line += "; run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON";
  else if (!release.empty())
    line += "; the kernel is " + release + ", Postern needs 6.1 or later";
  return std::runtime_error(line);
}

}  // namespace postern::xdp
