// SPDX-License-Identifier: BSD-3-Clause
//
// Turning off what changes frames (dataplane/engine/true_frames.h).
#include "dataplane/engine/true_frames.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace postern {
namespace {

struct Changer {
  std::string_view name;     // the kernel's (net/ethtool/common.c)
  std::string_view ethtool;  // what `ethtool -K` takes
  bool joins;                // segments; else takes out tags
  bool in_stack;             // done behind native XDP
};
constexpr std::array<Changer, 5> kChangers = {
    {{"rx-vlan-hw-parse", "rxvlan", false, false},
     {"rx-vlan-stag-hw-parse", "rx-vlan-stag-hw-parse", false, false},
     {"rx-lro", "lro", true, false},
     {"rx-gro-hw", "rx-gro-hw", true, false},
     {"rx-gro", "gro", true, true}}};

bool matters(const Changer& changer, ReadAt where) noexcept {
  if (where == ReadAt::kOwnStack) return !changer.joins;
  return where == ReadAt::kStack || !changer.in_stack;
}

const Changer* changer_named(std::string_view name, ReadAt where) noexcept {
  const auto* found = std::ranges::find(kChangers, name, &Changer::name);
  return found != kChangers.end() && matters(*found, where) ? found : nullptr;
}

std::runtime_error stays_on(const std::string& interface, const Changer& changer) {
  return std::runtime_error(
      interface + " changes frames before they can be judged, and its driver does not stop that (" +
      std::string(changer.name) + "; `ethtool -K " + interface + " " +
      std::string(changer.ethtool) + " off` has no effect): use another card");
}

}  // namespace

std::vector<std::string> frame_changers(const std::string& interface,
                                        std::span<const InterfaceFeature> features, ReadAt where) {
  std::vector<std::string> names;
  for (const auto& feature : features) {
    const auto* changer = changer_named(feature.name, where);
    if (!changer || !feature.on) continue;
    if (!feature.changeable) throw stays_on(interface, *changer);
    names.push_back(feature.name);
  }
  return names;
}

TrueFrames::TrueFrames(KernelInterface interface, ReadAt where) : interface_(std::move(interface)) {
  const auto& name = interface_.name();
  try {
    const auto changers = frame_changers(name, interface_.features(), where);
    if (changers.empty()) return;
    interface_.change_features(changers, false);
    turned_off_ = changers;
    const auto left = frame_changers(name, interface_.features(), where);
    if (!left.empty()) {
      const auto& changer = *changer_named(left.front(), where);
      interface_.change_features(std::exchange(turned_off_, {}), true);
      throw stays_on(name, changer);
    }
  } catch (const std::system_error& error) {
    throw std::runtime_error("cannot see or change the offloads of " + name + ": " +
                             error.code().message() + "; run as root, or with CAP_NET_ADMIN");
  }
}

TrueFrames::~TrueFrames() {
  if (turned_off_.empty()) return;
  try {
    interface_.change_features(turned_off_, true);
  } catch (const std::exception&) {
    // Best effort: the interface may be gone.
  }
}

}  // namespace postern
