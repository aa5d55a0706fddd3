// SPDX-License-Identifier: BSD-3-Clause
//
// bpffs: mounting, locking, pinning (xdp/loader/pin_directory.h).
#include "xdp/loader/pin_directory.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "xdp/loader/kernel_error.h"

namespace postern::xdp {
namespace {

namespace fs = std::filesystem;

bool is_bpffs(const fs::path& path) noexcept {
  struct statfs facts {};
  return ::statfs(path.c_str(), &facts) == 0 && facts.f_type == BPF_FS_MAGIC;
}

void mount_bpffs(const fs::path& path) {
  if (::mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0)
    throw kernel_error("cannot mount bpffs at " + path.string(), errno);
}

void make_directories(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw kernel_error("cannot make the directory " + path.string(), error.value());
}

}  // namespace

PinDirectory::PinDirectory(std::string path) : path_(std::move(path)) {
  static const fs::path kUsual = "/sys/fs/bpf";
  const fs::path wanted = fs::path(path_).lexically_normal();
  const auto below = wanted.lexically_relative(kUsual);
  if (!below.empty() && *below.begin() != ".." && !is_bpffs(kUsual)) mount_bpffs(kUsual);
  make_directories(wanted);
  if (!is_bpffs(wanted)) {
    mount_bpffs(wanted);
    mounted_ = true;
  }
  lock_ = FileDescriptor(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_) throw kernel_error("cannot open " + path_, errno);
  if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
    throw std::runtime_error("another postern-xdp holds " + path_ +
                             "; stop it, or give this one a --pin of its own");
}

std::vector<std::string> PinDirectory::names() const {
  std::vector<std::string> names;
  std::error_code error;
  // The kernel keeps names with dots to itself: a fresh bpffs has maps.debug and progs.debug.
  for (const auto& entry : fs::directory_iterator(path_, error))
    if (const auto name = entry.path().filename().string(); name.find('.') == std::string::npos)
      names.push_back(name);
  return names;
}

void PinDirectory::pin(const std::string& name, int fd) {
  const auto where = path_ + "/" + name, fresh = where + "-new";
  unpin(name + "-new");  // of one that died here
  if (bpf_obj_pin(fd, fresh.c_str()) != 0 || std::rename(fresh.c_str(), where.c_str()) != 0) {
    const int error = errno;
    unpin(name + "-new");
    throw kernel_error("cannot pin " + where, error);
  }
}

void PinDirectory::unpin(const std::string& name) noexcept {
  ::unlink((path_ + "/" + name).c_str());
}

FileDescriptor PinDirectory::open(const std::string& name) const noexcept {
  return FileDescriptor(bpf_obj_get((path_ + "/" + name).c_str()));
}

void PinDirectory::clear() noexcept {
  try {
    for (const auto& name : names()) unpin(name);
  } catch (const std::exception&) {
    // Out of memory: the pins stay, and the next start replaces them.
  }
}

PinDirectory::~PinDirectory() {
  try {
    if (!names().empty()) return;
  } catch (const std::exception&) {
    return;
  }
  if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  ::rmdir(path_.c_str());
}

}  // namespace postern::xdp
