// SPDX-License-Identifier: BSD-3-Clause
//
// Asking the kernel about an interface (dataplane/engine/kernel_interface.h).
#include "dataplane/engine/kernel_interface.h"

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <system_error>

namespace postern {
namespace {

class ControlSocket {
 public:
  ControlSocket() : descriptor_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "no socket");
  }
  ~ControlSocket() { close(descriptor_); }
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // 0, or what errno was.
  int call(unsigned long request, ifreq& body) const noexcept {
    return ioctl(descriptor_, request, &body) == 0 ? 0 : errno;
  }

 private:
  int descriptor_;
};

ifreq request_for(const std::string& name) noexcept {
  ifreq body{};
  std::strncpy(body.ifr_name, name.c_str(), sizeof(body.ifr_name) - 1);
  return body;
}

ifreq asked(const std::string& name, unsigned long request) {
  auto body = request_for(name);
  if (const int error = ControlSocket().call(request, body))
    throw std::system_error(error, std::generic_category(), name);
  return body;
}

// rtnetlink(7), for what ioctl does not tell.
class RouteSocket {
 public:
  RouteSocket() : descriptor_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), "no socket");
  }
  ~RouteSocket() { close(descriptor_); }
  RouteSocket(const RouteSocket&) = delete;
  RouteSocket& operator=(const RouteSocket&) = delete;

  // The message about one interface.
  std::vector<char> link(int index) const {
    struct {
      nlmsghdr head;
      ifinfomsg link;
    } question{};
    question.head.nlmsg_len = sizeof question;
    question.head.nlmsg_type = RTM_GETLINK;
    question.head.nlmsg_flags = NLM_F_REQUEST;
    question.link.ifi_index = index;
    std::vector<char> answer(64 * 1024);
    auto got = send(descriptor_, &question, sizeof question, 0);
    if (got >= 0) got = recv(descriptor_, answer.data(), answer.size(), 0);
    if (got < 0) throw std::system_error(errno, std::generic_category(), "rtnetlink");
    answer.resize(static_cast<size_t>(got));
    return answer;
  }

 private:
  int descriptor_;
};

// A structure of linux/ethtool.h that ends in an array.
template <typename Head, typename Item>
class EthtoolBody {
 public:
  EthtoolBody(uint32_t command, size_t items)
      : bytes_(new (std::align_val_t{8}) std::byte[sizeof(Head) + items * sizeof(Item)]{}) {
    head()->cmd = command;
  }
  ~EthtoolBody() { ::operator delete[](bytes_, std::align_val_t{8}); }
  EthtoolBody(const EthtoolBody&) = delete;
  EthtoolBody& operator=(const EthtoolBody&) = delete;
  Head* head() noexcept { return reinterpret_cast<Head*>(bytes_); }
  Item* items() noexcept { return reinterpret_cast<Item*>(bytes_ + sizeof(Head)); }

 private:
  std::byte* bytes_;
};

// 0, or what errno was.
int ethtool(const std::string& name, void* body) {
  auto request = request_for(name);
  request.ifr_data = static_cast<char*>(body);
  return ControlSocket().call(SIOCETHTOOL, request);
}

// The names of all features that this kernel knows, by their number; none where the driver has no
// ethtool operations.
std::vector<std::string> feature_names(const std::string& name) {
  EthtoolBody<ethtool_sset_info, uint32_t> count(ETHTOOL_GSSET_INFO, 1);
  count.head()->sset_mask = uint64_t{1} << ETH_SS_FEATURES;
  if (const int error = ethtool(name, count.head()); error == EOPNOTSUPP)
    return {};
  else if (error != 0)
    throw std::system_error(error, std::generic_category(), name);
  const uint32_t features = count.head()->sset_mask != 0 ? count.items()[0] : 0;

  struct Text {
    char letters[ETH_GSTRING_LEN];
  };
  EthtoolBody<ethtool_gstrings, Text> texts(ETHTOOL_GSTRINGS, features);
  texts.head()->string_set = ETH_SS_FEATURES;
  texts.head()->len = features;
  if (const int error = ethtool(name, texts.head()))
    throw std::system_error(error, std::generic_category(), name);
  std::vector<std::string> names;
  for (uint32_t i = 0; i < features; i++) {
    const auto& letters = texts.items()[i].letters;
    names.emplace_back(letters, strnlen(letters, sizeof letters));
  }
  return names;
}

constexpr uint32_t bit_of(size_t feature) noexcept {
  return uint32_t{1} << feature % 32;
}

}  // namespace

short KernelInterface::flags() const {
  return asked(name_, SIOCGIFFLAGS).ifr_flags;
}

void KernelInterface::change_flags(short set, short clear) const {
  const ControlSocket socket;
  auto body = request_for(name_);
  int error = socket.call(SIOCGIFFLAGS, body);
  if (error == 0) {
    body.ifr_flags = static_cast<short>((body.ifr_flags | set) & ~clear);
    error = socket.call(SIOCSIFFLAGS, body);
  }
  if (error != 0) throw std::system_error(error, std::generic_category(), name_);
}

unsigned KernelInterface::mtu() const {
  return static_cast<unsigned>(asked(name_, SIOCGIFMTU).ifr_mtu);
}

bool KernelInterface::has_carrier() const {
  return (flags() & IFF_RUNNING) != 0;
}

std::string KernelInterface::master() const {
  const RouteSocket socket;
  const auto answer = socket.link(asked(name_, SIOCGIFINDEX).ifr_ifindex);
  const auto* head = reinterpret_cast<const nlmsghdr*>(answer.data());
  auto left = static_cast<uint32_t>(answer.size());
  if (!NLMSG_OK(head, left) || head->nlmsg_type != RTM_NEWLINK)
    throw std::system_error(EPROTO, std::generic_category(), name_);
  const auto* link = static_cast<const ifinfomsg*>(NLMSG_DATA(head));
  auto bytes = static_cast<int>(IFLA_PAYLOAD(head));
  for (const auto* item = IFLA_RTA(link); RTA_OK(item, bytes); item = RTA_NEXT(item, bytes)) {
    if (item->rta_type != IFLA_MASTER || RTA_PAYLOAD(item) != sizeof(uint32_t)) continue;
    uint32_t index;
    std::memcpy(&index, RTA_DATA(item), sizeof index);
    std::array<char, IF_NAMESIZE> text{};
    return if_indextoname(index, text.data()) ? text.data() : "";
  }
  return {};
}

unsigned KernelInterface::queues() const {
  ethtool_channels channels{};
  channels.cmd = ETHTOOL_GCHANNELS;
  if (ethtool(name_, &channels) != 0) return 1;
  return std::max(1u, channels.rx_count + channels.combined_count);
}

std::vector<InterfaceFeature> KernelInterface::features() const {
  const auto names = feature_names(name_);
  const auto words = (names.size() + 31) / 32;
  EthtoolBody<ethtool_gfeatures, ethtool_get_features_block> found(ETHTOOL_GFEATURES, words);
  found.head()->size = static_cast<uint32_t>(words);
  if (names.empty()) return {};
  if (const int error = ethtool(name_, found.head()))
    throw std::system_error(error, std::generic_category(), name_);
  std::vector<InterfaceFeature> features;
  for (size_t i = 0; i < names.size(); i++) {
    const auto& block = found.items()[i / 32];
    features.push_back({names[i], (block.active & bit_of(i)) != 0,
                        (block.available & ~block.never_changed & bit_of(i)) != 0});
  }
  return features;
}

void KernelInterface::change_features(const std::vector<std::string>& wanted, bool on) const {
  const auto names = feature_names(name_);
  const auto words = (names.size() + 31) / 32;
  EthtoolBody<ethtool_sfeatures, ethtool_set_features_block> change(ETHTOOL_SFEATURES, words);
  change.head()->size = static_cast<uint32_t>(words);
  for (size_t i = 0; i < names.size(); i++) {
    if (std::ranges::find(wanted, names[i]) == wanted.end()) continue;
    auto& block = change.items()[i / 32];
    block.valid |= bit_of(i);
    if (on) block.requested |= bit_of(i);
  }
  if (const int error = ethtool(name_, change.head()))
    throw std::system_error(error, std::generic_category(), name_);
}

}  // namespace postern
