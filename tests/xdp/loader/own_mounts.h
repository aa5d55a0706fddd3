// SPDX-License-Identifier: BSD-3-Clause
//
// A mount namespace of the test's own, for what mounts a bpffs: nothing of it is seen outside, and
// all of it is gone with the process.
#pragma once

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace postern::xdp {

// This process has one from now on. Else, why not: as when it may not.
inline std::string why_no_own_mounts() {
  static const int error =
      unshare(CLONE_NEWNS) == 0 && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0
          ? 0
          : errno;
  if (error == 0) return "";
  return std::string("no mount namespace of its own: ") + std::strerror(error);
}

}  // namespace postern::xdp
