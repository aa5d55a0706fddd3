// SPDX-License-Identifier: BSD-3-Clause
//
// Corpus: what the corpus (tests/packets/corpus.h) is written with: an expectation that holds until
// the next one, and the frames that most cases are variations of. Addresses are those of
// corpus_world(): 192.0.2.1 is in no list, 203.0.113.1 is dropped, .129 reset, .193 inspected, .225
// allowed, .77 protected; 198.19.N.0/24 and 2001:db8:19NN::/48 are of one kind each.
#pragma once

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "tests/packets/corpus.h"

namespace postern::packets {

using Sizes = std::initializer_list<size_t>;

class Corpus {
 public:
  void expect(Action action, Reason reason) {
    action_ = action;
    reason_ = reason;
  }
  void passes(Reason reason) { expect(Action::ALLOW, reason); }
  void drops(Reason reason) { expect(Action::DROP, reason); }
  void resets(Reason reason) { expect(Action::RESET, reason); }
  void refuses(Reason reason) { expect(Action::REFUSE, reason); }

  Case& add(std::string name, Bytes frame) {
    cases_.push_back({std::move(name), std::move(frame), action_, reason_});
    return cases_.back();
  }
  std::vector<Case> take() { return std::move(cases_); }

 private:
  std::vector<Case> cases_;
  Action action_ = Action::ALLOW;
  Reason reason_ = Reason::NO_RULE;
};

// The two attempts that most cases are variations of.
inline Ipv4 dropped() {
  return {.source = "203.0.113.1"};
}
inline Ipv4 reset() {
  return {.source = "203.0.113.129"};
}
inline Ipv6 dropped6() {
  return {.source = "2001:db8:d::1"};
}
inline Ipv6 reset6() {
  return {.source = "2001:db8:e::1"};
}
inline Bytes attempt_from(const std::string& source, uint16_t port = 25) {
  if (source.find(':') != std::string::npos)
    return Ethernet{} / Ipv6{.source = source} / Tcp{.destination_port = port};
  return Ethernet{} / Ipv4{.source = source} / Tcp{.destination_port = port};
}
template <typename... Rest>
Bytes frame_of(const std::string& source, Tcp tcp, Rest... rest) {
  const auto frame = source.find(':') == std::string::npos
                         ? Ethernet{} / Ipv4{.source = source} / tcp
                         : Ethernet{} / Ipv6{.source = source} / tcp;
  return (frame / ... / rest);
}
// What a client says it has of us when it has `said` bytes behind the cookie.
inline uint32_t acknowledgement(const std::string& source, const std::string& destination,
                                uint16_t port, uint32_t said, int epochs_later = 0) {
  const auto& world = corpus_world();
  return cookie_of(world, *IpAddress::parse(source), *IpAddress::parse(destination),
                   Tcp{}.source_port, port,
                   world.cookies.epoch + static_cast<uint32_t>(epochs_later)) +
         1 + said;
}
// A segment of a session that is refused.
inline Bytes segment(const std::string& source, const std::string& destination, uint16_t port,
                     uint32_t said, uint8_t flags, const std::string& text = "",
                     int epochs_later = 0) {
  const Tcp tcp{.flags = flags,
                .destination_port = port,
                .sequence = 1001,
                .acknowledgement = acknowledgement(source, destination, port, said, epochs_later)};
  const Payload rest{Bytes(text.begin(), text.end()), 6};
  if (source.find(':') == std::string::npos)
    return Ethernet{} / Ipv4{.source = source, .destination = destination} / tcp / rest;
  return Ethernet{} / Ipv6{.source = source, .destination = destination} / tcp / rest;
}
inline Bytes attempt_to(const std::string& destination, uint16_t port = 25) {
  if (destination.find(':') != std::string::npos)
    return Ethernet{} / Ipv6{.source = "2001:db8:d::1", .destination = destination} /
           Tcp{.destination_port = port};
  return Ethernet{} / Ipv4{.source = "203.0.113.1", .destination = destination} /
         Tcp{.destination_port = port};
}

// The groups, each by what its cases are about.
using Group = void (*)(Corpus&);
std::vector<Group> shape_groups();  // tests/packets/corpus_shapes.cc
std::vector<Group> rule_groups();   // tests/packets/corpus_rules.cc

}  // namespace postern::packets
