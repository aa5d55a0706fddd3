// SPDX-License-Identifier: BSD-3-Clause
//
// Asking the kernel what a driver can do (xdp/loader/redirect_target.h).
#include "xdp/loader/redirect_target.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>

#include "xdp/loader/file_descriptor.h"

namespace postern::xdp {
namespace {

// Of the family netdev.
constexpr uint8_t kGetDevice = 1;
constexpr uint16_t kIfindex = 1, kXdpFeatures = 3;

constexpr size_t aligned(size_t bytes) noexcept {
  return NLMSG_ALIGN(bytes);
}

// One question with one attribute, and the attributes of its answer; empty where there is none.
class Exchange {
 public:
  Exchange(int socket, uint16_t family, uint8_t command, uint16_t attribute,
           std::span<const std::byte> value) noexcept {
    std::array<std::byte, 128> question{};
    const nlattr item{static_cast<uint16_t>(NLA_HDRLEN + value.size()), attribute};
    nlmsghdr head{};
    head.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + GENL_HDRLEN + aligned(item.nla_len));
    head.nlmsg_type = family;
    head.nlmsg_flags = NLM_F_REQUEST;
    const genlmsghdr generic{command, 1, 0};
    if (head.nlmsg_len > question.size()) return;
    std::memcpy(question.data(), &head, sizeof head);
    std::memcpy(question.data() + NLMSG_HDRLEN, &generic, sizeof generic);
    std::memcpy(question.data() + NLMSG_HDRLEN + GENL_HDRLEN, &item, sizeof item);
    std::memcpy(question.data() + NLMSG_HDRLEN + GENL_HDRLEN + NLA_HDRLEN, value.data(),
                value.size());
    if (send(socket, question.data(), head.nlmsg_len, 0) < 0) return;
    const auto got = recv(socket, room_.data(), room_.size(), 0);
    if (got < static_cast<ssize_t>(NLMSG_HDRLEN + GENL_HDRLEN)) return;
    std::memcpy(&head, room_.data(), sizeof head);
    if (head.nlmsg_type != family || head.nlmsg_len > static_cast<size_t>(got)) return;
    attributes_ = std::span(room_).first(head.nlmsg_len).subspan(NLMSG_HDRLEN + GENL_HDRLEN);
  }

  // An attribute of just that size.
  template <typename Value>
  std::optional<Value> value(uint16_t attribute) const noexcept {
    for (auto rest = attributes_; rest.size() >= NLA_HDRLEN;) {
      nlattr item;
      std::memcpy(&item, rest.data(), sizeof item);
      if (item.nla_len < NLA_HDRLEN || item.nla_len > rest.size()) return std::nullopt;
      if ((item.nla_type & NLA_TYPE_MASK) == attribute &&
          item.nla_len == NLA_HDRLEN + sizeof(Value)) {
        Value found;
        std::memcpy(&found, rest.data() + NLA_HDRLEN, sizeof found);
        return found;
      }
      rest = rest.subspan(std::min(aligned(item.nla_len), rest.size()));
    }
    return std::nullopt;
  }

 private:
  std::array<std::byte, 16384> room_;
  std::span<const std::byte> attributes_;
};

}  // namespace

std::optional<uint64_t> xdp_features(int ifindex) noexcept {
  const FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
  if (!socket) return std::nullopt;
  constexpr char kName[] = "netdev";
  const Exchange family(socket.get(), GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
                        std::as_bytes(std::span(kName)));
  const auto number = family.value<uint16_t>(CTRL_ATTR_FAMILY_ID);
  if (!number) return std::nullopt;
  const auto wanted = static_cast<uint32_t>(ifindex);
  const Exchange device(socket.get(), *number, kGetDevice, kIfindex,
                        std::as_bytes(std::span(&wanted, 1)));
  return device.value<uint64_t>(kXdpFeatures);
}

void require_redirect_target(const Device& device, bool in_parts) {
  const auto features = xdp_features(device.index());
  if (!features) return;
  if ((*features & kSendsRedirected) == 0)
    throw std::runtime_error("the driver of " + device.name() +
                             " does not send what native XDP redirects, as a wire needs; try "
                             "--generic (slower), or the DPDK engine");
  if (in_parts && (*features & kSendsInParts) == 0)
    throw std::runtime_error("the driver of " + device.name() +
                             " does not send frames larger than a page that native XDP redirects; "
                             "lower the MTU of both ports, or try --generic (slower)");
}

}  // namespace postern::xdp
