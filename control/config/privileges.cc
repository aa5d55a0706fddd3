// SPDX-License-Identifier: BSD-3-Clause
//
// Groups first: once the user is changed, they cannot be any more.
#include "control/config/privileges.h"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace postern::config {

void become(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no user " + user);
  const uid_t uid = entry->pw_uid;
  const gid_t gid = entry->pw_gid;
  if (::initgroups(user.c_str(), gid) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(uid, uid, uid) != 0)
    throw std::runtime_error("cannot become " + user + ": " + std::strerror(errno));
  if (uid != 0 && ::setuid(0) == 0)
    throw std::runtime_error("became " + user + ", but could become root again");
}

gid_t group_of(const std::string& name) {
  const group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no group " + name);
  return entry->gr_gid;
}

void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace postern::config
