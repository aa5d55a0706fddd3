// SPDX-License-Identifier: BSD-3-Clause
//
// Bringing the program to its ports and away again (xdp/loader/xdp_engine.h).
#include "xdp/loader/xdp_engine.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <utility>

#include "xdp/loader/redirect_target.h"

namespace postern::xdp {
namespace {

// What each driver with native XDP takes in one part: full frames with two tags.
constexpr unsigned kWholeMtu = 1504;
// Octets that the kernel allows to a redirected frame beyond the MTU of the port that it leaves by:
// the Ethernet header and one tag (xdp_ok_fwd_dev in its include/linux/filter.h).
constexpr uint32_t kRoomBeyondMtu = 14 + 4;

bool is_among(const std::vector<std::string>& names, const std::string& name) noexcept {
  return std::ranges::find(names, name) != names.end();
}

std::string link_pin(const std::string& role) {
  return "link-" + role;
}

}  // namespace

// Before anything is touched: most mistakes are a device's name.
std::vector<std::unique_ptr<XdpEngine::Port>> XdpEngine::open_ports(const Settings& settings) {
  std::vector<std::unique_ptr<Port>> ports;
  for (size_t pair = 0; pair < settings.wan.size(); pair++) {
    const auto number = pair == 0 ? "" : std::to_string(pair + 1);
    ports.push_back(std::make_unique<Port>("wan" + number, settings.wan[pair]));
    if (settings.topology == PS_TOPOLOGY_WIRE)
      ports.push_back(std::make_unique<Port>("mx" + number, settings.mx.at(pair)));
  }
  return ports;
}

XdpEngine::XdpEngine(const Settings& settings)
    : settings_(settings),
      ports_(open_ports(settings)),
      pins_(settings.pin),
      former_(FormerTables::of(pins_)),
      program_(settings.dynamic_entries, settings.limit_sources,
               largest_mtu() > kWholeMtu ? Program::Frames::kInParts : Program::Frames::kWhole,
               static_cast<uint32_t>(settings.wan.size()), former_),
      dynamic_(program_.dynamic_memory(), &program_.dynamic_gate()) {
  adopt();
  std::vector<Program::Pair> pairs;
  const bool wire = settings.topology == PS_TOPOLOGY_WIRE;
  for (size_t wan = 0; wan < ports_.size(); wan += ports_of_a_pair())
    pairs.push_back({ports_[wan]->device.index(), wire ? mx_of(wan).device.index() : 0});
  program_.set_ports(settings.topology, pairs);
  if (wire) take_rooms();
  share_answers();
}

// Before the links are taken over, so that no packet finds the table without them. In a table of
// the same size that is done already: the new program shares it with the old one.
void XdpEngine::adopt() {
  const auto& [dynamic, limits, refused] = former_;
  if (dynamic || limits) {
    const auto now = monotonic_ns();
    if (dynamic && dynamic->buckets().size() != program_.dynamic_memory().size())
      dynamic_.copy_from(dynamic->buckets(), now);
    dynamic_.sweep(now);
    adopted_ = {dynamic_.size(), dynamic_.lost(),
                limits && limits->buckets().size() == program_.limit_memory().size()};
  }
  former_.dynamic.reset();
  former_.limits.reset();
}

unsigned XdpEngine::largest_mtu() const {
  unsigned largest = 0;
  for (const auto& port : ports_) largest = std::max(largest, port->device.mtu());
  return largest;
}

void XdpEngine::attend() {
  share_answers();
  if (settings_.topology == PS_TOPOLOGY_WIRE) take_rooms();
}

// Packets come to CPUs that are online; those that may come online later are many in some virtual
// machines, and would only take shares.
void XdpEngine::share_answers() {
  const auto cpus = static_cast<unsigned>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
  if (std::exchange(answering_cpus_, cpus) != cpus)
    program_.set_answers(settings_.answers_per_second, cpus);
}

// An MTU may be changed while packets come.
void XdpEngine::take_rooms() {
  for (size_t i = 0; i < ports_.size(); i++) {
    const auto& other = ports_[i ^ 1]->device;
    try {
      program_.set_room(ports_[i]->device.index(), other.mtu() + kRoomBeyondMtu);
    } catch (const std::exception&) {
      // The other port has gone: what does not reach it is counted all the same.
    }
  }
}

std::vector<XdpEngine::MtuDifference> XdpEngine::mtu_differences() const {
  std::vector<MtuDifference> all;
  if (settings_.topology != PS_TOPOLOGY_WIRE) return all;
  for (size_t wan = 0; wan < ports_.size(); wan += 2) {
    const auto &outer = ports_[wan]->device, &inner = mx_of(wan).device;
    if (outer.mtu() != inner.mtu())
      all.push_back({outer.name(), inner.name(), outer.mtu(), inner.mtu()});
  }
  return all;
}

std::vector<PortPair> XdpEngine::pairs() const {
  std::vector<PortPair> all;
  for (uint32_t pair = 0; pair < settings_.wan.size(); pair++)
    all.push_back({settings_.wan[pair], pair < settings_.mx.size() ? settings_.mx[pair] : "",
                   program_.counters(pair)});
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
      if (auto link = former_link(pins_.open(name), name)) former.push_back(std::move(*link));

  const auto where = settings_.topology == PS_TOPOLOGY_HOST ? ReadAt::kOwnStack
                     : settings_.mode == Mode::kNative      ? ReadAt::kDriver
                                                            : ReadAt::kStack;
  for (const auto& port : ports_) {
    port->device.become_true(where);
    if (settings_.topology == PS_TOPOLOGY_WIRE) port->device.become_wire();
    port->attachment.emplace(port->device, program_.fd(), settings_.mode, former);
  }
  std::vector<std::string> pinned;
  try {
    take_ports();
    for (const auto& port : ports_) {
      pinned.push_back(link_pin(port->role));
      pins_.pin(pinned.back(), port->attachment->fd());
    }
    for (const auto& map : program_.maps()) {
      pinned.emplace_back(map.name);
      pins_.pin(pinned.back(), map.fd);
    }
  } catch (...) {
    put_back(pinned, former);
    throw;
  }
  // The ports are ours now, and the pins, too.
  attached_ = true;
  for (const auto& name : found)
    if (!is_among(pinned, name)) pins_.unpin(name);
}

// All that can go wrong comes first: until the last step the former program is in force on each
// port that had it, and whoever is listed gets no chance in between.
void XdpEngine::take_ports() {
  const bool wire = settings_.topology == PS_TOPOLOGY_WIRE;
  for (const auto& port : ports_) port->attachment->make();
  if (wire && settings_.mode == Mode::kNative)
    for (const auto& port : ports_)
      require_redirect_target(port->device, largest_mtu() > kWholeMtu);
  if (wire && settings_.propagate_link) watch_links();
  for (const auto& port : ports_) port->attachment->take_over();
}

// pinned: our links and maps, so far; others: former links of devices that are none of our ports.
void XdpEngine::put_back(const std::vector<std::string>& pinned,
                         const std::vector<FormerLink>& others) noexcept {
  link_watch_.reset();
  for (const auto& name : pinned)
    if (name.starts_with("link-")) pins_.unpin(name);
  const auto pin = [this](const FormerLink& link) {
    try {
      if (link.link) pins_.pin(link.pin, link.link.get());
    } catch (const std::exception&) {
      // It ends with us then; why we end at all is told by who threw first.
    }
  };
  // Each under the name that it had: ports may have been named the other way round.
  for (const auto& port : ports_)
    if (const auto link = port->attachment->put_back()) pin(*link);
  for (const auto& link : others) pin(link);
}

void XdpEngine::watch_links() {
  std::vector<LinkWatch::Cable> cables;
  for (size_t wan = 0; wan < ports_.size(); wan += 2)
    cables.push_back({ports_[wan]->link, ports_[wan + 1]->link});
  link_watch_.emplace(std::move(cables));
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
