// SPDX-License-Identifier: BSD-3-Clause
//
// The list is by name, so that it holds for each architecture that has the call. clone3 keeps its
// flags in memory, where a filter cannot look: it is "not there", and the C library takes clone.
#include "control/process/system_calls.h"

#include <linux/sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <utility>

namespace postern::process {
namespace {

constexpr auto kAllowed = {
    // Descriptors, and the loop that waits for them.
    "close",
    "dup",
    "epoll_create1",
    "epoll_ctl",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "eventfd2",
    "fcntl",
    "pipe",
    "pipe2",
    "poll",
    "ppoll",
    "pselect6",
    "read",
    "readv",
    "select",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_settime",
    "write",
    "writev",
    // Connections. Nobody listens here: the parent does.
    "accept",
    "accept4",
    "bind",
    "connect",
    "getpeername",
    "getsockname",
    "getsockopt",
    "recvfrom",
    "recvmmsg",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "setsockopt",
    "shutdown",
    "socketpair",
    // Files: the snapshot, SQLite, spools, the known sources, what the C library looks up.
    "access",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fallocate",
    "fchmod",
    "fchown",
    "fdatasync",
    "flock",
    "fstat",
    "fstatfs",
    "fsync",
    "ftruncate",
    "getcwd",
    "getdents64",
    "lseek",
    "lstat",
    "mkdir",
    "mkdirat",
    "newfstatat",
    "open",
    "openat",
    "pread64",
    "preadv",
    "pwrite64",
    "pwritev",
    "readlink",
    "readlinkat",
    "rename",
    "renameat",
    "renameat2",
    "stat",
    "statfs",
    "statx",
    "umask",
    "unlink",
    "unlinkat",
    "utimensat",
    // Memory and time.
    "brk",
    "clock_getres",
    "clock_gettime",
    "clock_nanosleep",
    "getrandom",
    "gettimeofday",
    "madvise",
    "membarrier",
    "mmap",
    "mprotect",
    "mremap",
    "msync",
    "munmap",
    "nanosleep",
    "time",
    // Itself and its threads.
    "arch_prctl",
    "exit",
    "exit_group",
    "futex",
    "getegid",
    "geteuid",
    "getgid",
    "getpid",
    "getppid",
    "getpriority",
    "getrlimit",
    "getrusage",
    "gettid",
    "getuid",
    "restart_syscall",
    "rseq",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "rt_sigtimedwait",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_yield",
    "set_robust_list",
    "set_tid_address",
    "sigaltstack",
    "sysinfo",
    "times",
    "uname",
};

// Nobody makes these by mistake.
constexpr auto kFatal = {
    "add_key",
    "bpf",
    "chroot",
    "delete_module",
    "execve",
    "execveat",
    "finit_module",
    "fork",
    "init_module",
    "kexec_file_load",
    "kexec_load",
    "keyctl",
    "mount",
    "move_mount",
    "open_by_handle_at",
    "perf_event_open",
    "pidfd_getfd",
    "pivot_root",
    "process_vm_readv",
    "process_vm_writev",
    "ptrace",
    "reboot",
    "request_key",
    "setns",
    "swapon",
    "umount2",
    "unshare",
    "userfaultfd",
    "vfork",
};

void check(int result, const char* what) {
  if (result != 0)
    throw std::runtime_error("system calls cannot be limited: " + std::string(what) + ": " +
                             std::strerror(-result));
}

class Filter {
 public:
  // Whatever no rule is about is told to the parent.
  Filter() : context_(::seccomp_init(SCMP_ACT_NOTIFY), ::seccomp_release) {
    if (!context_) throw std::runtime_error("system calls cannot be limited: no memory");
  }

  template <typename... Comparison>
  void add(uint32_t action, const char* name, Comparison... comparison) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number < 0) return;  // this architecture does not have it
    check(::seccomp_rule_add(context_.get(), action, number, sizeof...(comparison), comparison...),
          name);
  }

  int load() {
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "order");
    check(::seccomp_load(context_.get()), "load");
    const int notifications = ::seccomp_notify_fd(context_.get());
    if (notifications < 0) check(notifications, "notifications");
    return notifications;
  }

 private:
  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
};

// An argument, from 0 on. The library's own macros leave a field out.
constexpr scmp_arg_cmp is(unsigned argument, uint64_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}

}  // namespace

bool can_limit_system_calls() noexcept {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return true;
#endif
}

listen::Descriptor limit_system_calls() {
  Filter filter;
  for (const char* name : kAllowed) filter.add(SCMP_ACT_ALLOW, name);
  for (const char* name : kFatal) filter.add(SCMP_ACT_KILL_PROCESS, name);
  for (const uint64_t family : {AF_INET, AF_INET6, AF_UNIX, AF_NETLINK})
    filter.add(SCMP_ACT_ALLOW, "socket", is(0, family));
  for (const uint64_t request : {FIONBIO, FIONREAD, TCGETS})
    filter.add(SCMP_ACT_ALLOW, "ioctl", is(1, request));
  // Threads, no processes.
  filter.add(SCMP_ACT_ALLOW, "clone",
             scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD});
  filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  for (const uint64_t option : {PR_SET_NAME, PR_SET_VMA})
    filter.add(SCMP_ACT_ALLOW, "prctl", is(0, option));
  // abort() and its kind: signals to itself.
  const auto self = static_cast<uint64_t>(::getpid());
  filter.add(SCMP_ACT_ALLOW, "tgkill", is(0, self));
  // To look at limits, not to set them.
  filter.add(SCMP_ACT_ALLOW, "prlimit64", is(2, 0));
  return listen::Descriptor(filter.load());
}

std::string refuse_system_call(int notifications) noexcept {
  seccomp_notif* request = nullptr;
  seccomp_notif_resp* answer = nullptr;
  std::string name;
  if (::seccomp_notify_alloc(&request, &answer) != 0) return name;
  if (::seccomp_notify_receive(notifications, request) == 0) {
    char* found = ::seccomp_syscall_resolve_num_arch(request->data.arch, request->data.nr);
    name = found != nullptr ? found : std::to_string(request->data.nr);
    std::free(found);
    answer->id = request->id;
    answer->error = -EPERM;
    ::seccomp_notify_respond(notifications, answer);  // the worker may be gone
  }
  ::seccomp_notify_free(request, answer);
  return name;
}

}  // namespace postern::process
