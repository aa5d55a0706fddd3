// SPDX-License-Identifier: BSD-3-Clause
//
// Groups first: once the user is changed, they cannot be any more.
#include "control/process/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

namespace postern::process {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

// What could be had by executing a program. Only root can take it away; no_new_privs does not
// depend on it.
void clear_bounding_set() {
  for (int capability = 0; capability <= CAP_LAST_CAP; capability++)
    ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

void clear_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::syscall(SYS_capset, &header, none.data()) != 0) refuse("cannot lay down capabilities");
}

}  // namespace

Identity Identity::of(const std::string& user) {
  errno = 0;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no user " + user);
  Identity identity{.user = entry->pw_uid, .group = entry->pw_gid, .groups = {}};
  int count = 64;
  identity.groups.resize(static_cast<size_t>(count));
  while (::getgrouplist(user.c_str(), identity.group, identity.groups.data(), &count) < 0)
    identity.groups.resize(static_cast<size_t>(count));
  identity.groups.resize(static_cast<size_t>(count));
  return identity;
}

gid_t group_of(const std::string& name) {
  const group* entry = ::getgrnam(name.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no group " + name);
  return entry->gr_gid;
}

void lay_down_privileges(const std::optional<Identity>& identity) {
  clear_bounding_set();
  if (identity && (::geteuid() != identity->user || ::geteuid() == 0)) {
    const auto& [user, group, groups] = *identity;
    if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(group, group, group) != 0)
      refuse("cannot take on the groups of the user");
    if (::setresuid(user, user, user) != 0) refuse("cannot become the user");
    if (user != 0 && ::setuid(0) == 0)
      throw std::runtime_error("became the user, but could become root again");
  }
  clear_capabilities();
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) refuse("cannot set no_new_privs");
}

void die_with_parent(pid_t parent) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) refuse("cannot be bound to the parent");
  if (::getppid() != parent) throw std::runtime_error("the parent has ended");
}

void raise_file_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace postern::process
