// SPDX-License-Identifier: BSD-3-Clause
//
// Looking and acting (dataplane/engine/link_watch.h).
#include "dataplane/engine/link_watch.h"

#include <net/if.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <exception>
#include <optional>

#include "dataplane/engine/link_propagation.h"

namespace postern {
namespace {

constexpr std::chrono::milliseconds kInterval{100};

uint64_t now_ns() noexcept {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                               std::chrono::nanoseconds(1));
}

// One cable, its decision, and what was done about it.
class Watched {
 public:
  explicit Watched(const LinkWatch::Cable& cable) : cable_(cable), decision_(now_ns()) {}

  void look() {
    if (gave_up_) return;
    const auto wanted =
        decision_.observe(cable_.wan.has_carrier(), cable_.mx.has_carrier(), now_ns());
    if (wanted == down_) return;
    auto& held = end(wanted ? *wanted : *down_);
    if (!held.set_up(!wanted)) {
      spdlog::warn("event=link-not-propagated port={} why=\"its driver cannot take the link down\"",
                   held.name());
      gave_up_ = true;
      return;
    }
    down_ = wanted;
    if (wanted)
      spdlog::warn("event=link-down port={} because=\"{} has no carrier\"", held.name(),
                   end(*wanted == PS_PORT_WAN ? PS_PORT_MX : PS_PORT_WAN).name());
    else
      spdlog::info("event=link-up port={}", held.name());
  }
  void put_back() {
    if (down_) end(*down_).set_up(true);
  }

 private:
  LinkEnd& end(ps_port port) noexcept { return port == PS_PORT_WAN ? cable_.wan : cable_.mx; }

  LinkWatch::Cable cable_;
  LinkPropagation decision_;
  std::optional<ps_port> down_;
  bool gave_up_ = false;
};

}  // namespace

bool KernelLinkEnd::has_carrier() {
  try {
    return interface_.has_carrier();
  } catch (const std::exception&) {
    return false;  // it is gone
  }
}

bool KernelLinkEnd::set_up(bool up) {
  try {
    constexpr short kUp = IFF_UP, kNone = 0;
    interface_.change_flags(up ? kUp : kNone, up ? kNone : kUp);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

LinkWatch::LinkWatch(std::vector<Cable> cables)
    : thread_(
          [this, cables = std::move(cables)](const std::stop_token& stop) { run(stop, cables); }) {}

LinkWatch::~LinkWatch() {
  thread_.request_stop();
  thread_.join();
}

void LinkWatch::run(const std::stop_token& stop, const std::vector<Cable>& cables) {
  std::vector<Watched> watched(cables.begin(), cables.end());
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    for (auto& cable : watched) cable.look();
    wake_.wait_for(lock, stop, kInterval, [] { return false; });
  }
  for (auto& cable : watched) cable.put_back();
}

}  // namespace postern
