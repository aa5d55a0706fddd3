// SPDX-License-Identifier: BSD-3-Clause
//
// Bringing the program to its ports and away again (xdp/loader/xdp_engine.h).
#include "xdp/loader/xdp_engine.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::xdp {
namespace {

// What each driver with native XDP takes in one part.
constexpr unsigned kWholeMtu = 1500;

std::string link_pin(const char* role) {
  return std::string("link-") + role;
}

}  // namespace

XdpEngine::XdpEngine(const Settings& settings)
    : settings_(settings),
      ports_([&settings] {
        // Before anything is touched: most mistakes are a device's name.
        std::vector<std::unique_ptr<Port>> ports;
        ports.push_back(std::make_unique<Port>("wan", settings.wan));
        if (settings.topology == PS_TOPOLOGY_WIRE)
          ports.push_back(std::make_unique<Port>("mx", settings.mx));
        return ports;
      }()),
      pins_(settings.pin),
      program_(settings.dynamic_entries, settings.limit_sources,
               std::ranges::max(mtus()) > kWholeMtu ? Program::Frames::kInParts
                                                    : Program::Frames::kWhole),
      dynamic_(program_.dynamic_memory(), &program_.dynamic_gate()) {
  program_.set_ports(settings.topology, ports_.front()->device.index(),
                     ports_.size() > 1 ? ports_.back()->device.index() : 0);
  program_.set_answers(settings.answers_per_second);
}

std::vector<unsigned> XdpEngine::mtus() const {
  std::vector<unsigned> all;
  for (const auto& port : ports_) all.push_back(port->device.mtu());
  return all;
}

XdpEngine::~XdpEngine() {
  link_watch_.reset();
  if (attached_ && keep_) {
    for (const auto& port : ports_) port->device.keep();
  } else if (attached_) {
    pins_.clear();
  }
}

void XdpEngine::attach() {
  std::vector<FormerLink> former;
  const auto found = pins_.names();
  for (const auto& name : found)
    if (name.starts_with("link-"))
      if (auto link = former_link(pins_.open(name))) former.push_back(std::move(*link));

  const auto where = settings_.mode == Mode::kNative ? ReadAt::kDriver : ReadAt::kStack;
  for (const auto& port : ports_) {
    port->device.become_true(where);
    if (settings_.topology == PS_TOPOLOGY_WIRE) port->device.become_wire();
    port->attachment.emplace(port->device, program_.fd(), settings_.mode, former);
  }
  // The ports are ours now; from here on the pins are, too.
  attached_ = true;
  std::vector<std::string> pinned;
  for (const auto& port : ports_) {
    pinned.push_back(link_pin(port->role));
    pins_.pin(pinned.back(), port->attachment->fd());
  }
  for (const auto& map : program_.maps()) {
    pinned.emplace_back(map.name);
    pins_.pin(pinned.back(), map.fd);
  }
  for (const auto& name : found)
    if (std::ranges::find(pinned, name) == pinned.end()) pins_.unpin(name);
  if (settings_.topology == PS_TOPOLOGY_WIRE && settings_.propagate_link)
    link_watch_.emplace(std::vector<LinkWatch::Cable>{{ports_.front()->link, ports_.back()->link}});
}

std::vector<XdpEngine::TurnedOff> XdpEngine::turned_off() const {
  std::vector<TurnedOff> all;
  for (const auto& port : ports_)
    for (auto& offload : port->device.turned_off())
      all.push_back({port->device.name(), std::move(offload)});
  return all;
}

size_t XdpEngine::taken_over() const noexcept {
  return static_cast<size_t>(std::ranges::count_if(
      ports_, [](const auto& port) { return port->attachment && port->attachment->taken_over(); }));
}

std::string_view XdpEngine::topology() const noexcept {
  return settings_.topology == PS_TOPOLOGY_WIRE ? "wire" : "host";
}

RuleCounts XdpEngine::put_into_force(std::shared_ptr<const Snapshot> snapshot) {
  auto before = program_.load_image(snapshot->image_bytes());
  snapshot_ = std::move(snapshot);
  return {std::move(before), {}};
}

}  // namespace postern::xdp
