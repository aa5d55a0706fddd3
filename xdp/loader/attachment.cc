// SPDX-License-Identifier: BSD-3-Clause
//
// bpf_link for XDP (xdp/loader/attachment.h).
#include "xdp/loader/attachment.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include "xdp/loader/kernel_error.h"

namespace postern::xdp {
namespace {

// A link's mode cannot be asked for; the device's can.
bool runs_in(const Device& device, Mode mode) noexcept {
  LIBBPF_OPTS(bpf_xdp_query_opts, facts);
  if (bpf_xdp_query(device.index(), 0, &facts) != 0) return false;
  return facts.attach_mode == (mode == Mode::kNative ? XDP_ATTACHED_DRV : XDP_ATTACHED_SKB);
}

// Empty, with errno, where it cannot be made.
FileDescriptor new_link(const Device& device, int program_fd, Mode mode) noexcept {
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = mode == Mode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
  return FileDescriptor(bpf_link_create(program_fd, device.index(), BPF_XDP, &options));
}

std::optional<bpf_link_info> facts_of(const FileDescriptor& link) noexcept {
  bpf_link_info info{};
  uint32_t bytes = sizeof(info);
  if (!link || bpf_obj_get_info_by_fd(link.get(), &info, &bytes) != 0 ||
      info.type != BPF_LINK_TYPE_XDP)
    return std::nullopt;
  return info;
}

// What it holds on its device; empty where that cannot be had.
FileDescriptor program_of(const FileDescriptor& link) noexcept {
  const auto info = facts_of(link);
  return info ? FileDescriptor(bpf_prog_get_fd_by_id(info->prog_id)) : FileDescriptor();
}

std::runtime_error refusal(const Device& device, Mode mode, int error) {
  const auto& name = device.name();
  switch (error) {
    case EOPNOTSUPP:
      if (mode == Mode::kGeneric) break;
      return std::runtime_error("the driver of " + name +
                                " has no native XDP; try --generic (slower), or the DPDK engine");
    case EBUSY:
    case EEXIST:
      return std::runtime_error(name + " has another XDP program already; `ip link show dev " +
                                name + "` names it, `ip link set dev " + name +
                                " xdp off` removes one that is not pinned");
    case ERANGE:
    case E2BIG:
      return std::runtime_error("the MTU of " + name +
                                " is too large for native XDP with its driver; lower it (`ip link "
                                "set dev " +
                                name + " mtu 1500`), or try --generic (slower)");
    case ENODEV:
      return std::runtime_error("the device " + name + " has gone away");
    default:
      break;
  }
  return kernel_error("cannot attach to " + name, error);
}

}  // namespace

std::optional<FormerLink> former_link(FileDescriptor fd, const std::string& pin) {
  const auto info = facts_of(fd);
  if (!info) return std::nullopt;
  return FormerLink{std::move(fd), static_cast<int>(info->xdp.ifindex), pin};
}

Attachment::Attachment(const Device& device, int program_fd, Mode mode,
                       std::vector<FormerLink>& former)
    : device_(device), program_(program_fd), mode_(mode) {
  const auto found = std::ranges::find(former, device.index(), &FormerLink::ifindex);
  if (found == former.end()) return;
  former_ = std::move(*found);
  former.erase(found);
  former_program_ = program_of(former_->link);
  in_this_mode_ = runs_in(device, mode);
}

void Attachment::make() {
  if (former_ && in_this_mode_) return;
  if (former_) {
    if (!former_program_)
      throw std::runtime_error("what runs on " + device_.name() + " runs in the other mode (" +
                               (mode_ == Mode::kNative ? "--generic" : "native") +
                               "), and could not be put back without CAP_SYS_ADMIN should this "
                               "fail: start in that mode, "
                               "or with that capability");
    bpf_link_detach(former_->link.get());  // being pinned, it would stay when closed
    detached_ = true;
  }
  link_ = new_link(device_, program_, mode_);
  if (!link_) throw refusal(device_, mode_, errno);
}

void Attachment::take_over() {
  if (!former_ || !in_this_mode_) return;
  if (bpf_link_update(former_->link.get(), program_, nullptr) != 0)
    throw refusal(device_, mode_, errno);
  taken_over_ = true;
}

std::optional<FormerLink> Attachment::put_back() noexcept {
  link_ = {};
  if (taken_over_ && former_program_)
    bpf_link_update(former_->link.get(), former_program_.get(), nullptr);
  if (detached_)
    former_->link = new_link(device_, former_program_.get(),
                             mode_ == Mode::kNative ? Mode::kGeneric : Mode::kNative);
  taken_over_ = detached_ = false;
  return std::exchange(former_, std::nullopt);
}

}  // namespace postern::xdp
