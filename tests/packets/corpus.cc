// SPDX-License-Identifier: BSD-3-Clause
//
// The corpus, grouped by what it is about (tests/packets/corpus.h). Addresses are those of
// corpus_world(): 192.0.2.1 is in no list, 203.0.113.1 is dropped, .129 reset, .193 inspected, .225
// allowed, .77 protected.
#include "tests/packets/corpus.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

namespace postern::packets {
namespace {

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
Ipv4 dropped() {
  return {.source = "203.0.113.1"};
}
Ipv4 reset() {
  return {.source = "203.0.113.129"};
}
Ipv6 dropped6() {
  return {.source = "2001:db8:d::1"};
}
Ipv6 reset6() {
  return {.source = "2001:db8:e::1"};
}
Bytes attempt_from(const std::string& source, uint16_t port = 25) {
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
uint32_t acknowledgement(const std::string& source, const std::string& destination, uint16_t port,
                         uint32_t said, int epochs_later = 0) {
  const auto& world = corpus_world();
  return cookie_of(world, *IpAddress::parse(source), *IpAddress::parse(destination),
                   Tcp{}.source_port, port,
                   world.cookies.epoch + static_cast<uint32_t>(epochs_later)) +
         1 + said;
}
// A segment of a session that is refused.
Bytes segment(const std::string& source, const std::string& destination, uint16_t port,
              uint32_t said, uint8_t flags, const std::string& text = "", int epochs_later = 0) {
  const Tcp tcp{.flags = flags,
                .destination_port = port,
                .sequence = 1001,
                .acknowledgement = acknowledgement(source, destination, port, said, epochs_later)};
  const Payload rest{Bytes(text.begin(), text.end()), 6};
  if (source.find(':') == std::string::npos)
    return Ethernet{} / Ipv4{.source = source, .destination = destination} / tcp / rest;
  return Ethernet{} / Ipv6{.source = source, .destination = destination} / tcp / rest;
}
Bytes attempt_to(const std::string& destination, uint16_t port = 25) {
  if (destination.find(':') != std::string::npos)
    return Ethernet{} / Ipv6{.source = "2001:db8:d::1", .destination = destination} /
           Tcp{.destination_port = port};
  return Ethernet{} / Ipv4{.source = "203.0.113.1", .destination = destination} /
         Tcp{.destination_port = port};
}

void not_for_us(Corpus& c) {
  c.passes(Reason::NOT_IP);
  c.add("arp", Ethernet{.type = 0x0806} / payload(46));
  c.add("lldp", Ethernet{.destination = {1, 0x80, 0xc2, 0, 0, 0x0e}, .type = 0x88cc} / payload(46));
  c.add("lacp", Ethernet{.destination = {1, 0x80, 0xc2, 0, 0, 2}, .type = 0x8809} / payload(110));
  c.add("spanning tree, 802.3 length", Ethernet{.type = 38} / payload(38));
  c.add("ethernet header alone", Packet(Ethernet{.type = 0x0806}));
  c.add("vlan, arp", Ethernet{} / Vlan{.type = 0x0806} / payload(46));
  c.add("tag of 0x9100 is not looked into", Ethernet{} / Vlan{.tag = 0x9100} / dropped() / Tcp{});
  c.add("ipv4 in a frame of unknown type", Ethernet{.type = 0x88b5} / dropped() / Tcp{});

  c.passes(Reason::ENCAPSULATED);
  c.add("mpls", Ethernet{.type = 0x8847} / payload(4) / dropped() / Tcp{});
  c.add("mpls upstream", Ethernet{.type = 0x8848} / payload(4) / dropped() / Tcp{});
  c.add("pppoe discovery", Ethernet{.type = 0x8863} / payload(46));
  c.add("pppoe session", Ethernet{.type = 0x8864} / payload(8) / dropped() / Tcp{});
  c.add("mpls behind a vlan tag", Ethernet{} / Vlan{.type = 0x8847} / payload(46));
  c.add("three tags", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / Vlan{} / dropped() / Tcp{});
  c.add("third tag announced and cut off", Ethernet{} / Vlan{} / Vlan{.type = uint16_t{0x8100}});

  c.passes(Reason::NOT_TCP);
  c.add("icmp", Ethernet{} / dropped() / Payload{Bytes(8), 1});
  c.add("udp to port 25", Ethernet{} / dropped() / Payload{{0x9c, 0x40, 0, 25, 0, 8, 0, 0}, 17});
  c.add("gre", Ethernet{} / dropped() / Payload{Bytes(40), 47});
  c.add("ipv4 in ipv4", Ethernet{} / dropped() / Payload{Bytes(40), 4});
  c.add("ipv4, nothing behind its header", Ethernet{} / dropped() / Payload{{}, 17});
  c.add("udp, later fragment",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x0003} / Payload{Bytes(8), 17});
  c.add("icmpv6", Ethernet{} / dropped6() / Payload{Bytes(8), 58});
  c.add("udp over ipv6", Ethernet{} / dropped6() / Payload{Bytes(8), 17});
  c.add("esp over ipv6", Ethernet{} / dropped6() / Payload{Bytes(16), 50});
  c.add("ipv6, no next header", Ethernet{} / dropped6());
  c.add("ipv6, no next header but bytes", Ethernet{} / dropped6() / Payload{Bytes(20), 59});
  c.add("icmpv6 behind hop-by-hop (MLD)",
        Ethernet{} / dropped6() / Extension{.type = 0} / Payload{Bytes(8), 58});
  c.add("udp, ipv6 later fragment",
        Ethernet{} / dropped6() / Fragment6{.offset = 5} / Payload{Bytes(8), 17});
  c.add("mobility header", Ethernet{} / dropped6() / Payload{Bytes(8), 135});

  c.passes(Reason::NOT_SERVICE);
  c.add("web", attempt_from("203.0.113.1", 80));
  c.add("port 24", attempt_from("203.0.113.1", 24));
  c.add("port 6400 is 25 with its bytes swapped", attempt_from("203.0.113.1", 6400));
  c.add("another host", attempt_to("198.51.100.24"));
  c.add("just below the service's prefix", attempt_to("198.51.100.127"));
  c.add("just above the service's prefix", attempt_to("198.51.101.0"));
  c.add("submission where only port 25 is served", attempt_to("198.51.100.200", 587));
  c.add("another host, ipv6", attempt_to("2001:db8:25:1::1"));
  c.add("web, ipv6", attempt_from("2001:db8:d::1", 443));
  c.add("established, not a service",
        Ethernet{} / dropped() / Tcp{.flags = kAck, .destination_port = 22});
  c.add("from the farm's address outwards",
        Ethernet{} / Ipv4{.source = "198.51.100.25", .destination = "203.0.113.1"} / Tcp{});
}

void other_segments(Corpus& c) {
  c.passes(Reason::NOT_ATTEMPT);
  const auto segment = [&c](const char* name, uint8_t flags) {
    c.add(name, Ethernet{} / dropped() / Tcp{.flags = flags, .acknowledgement = 1});
    c.add(std::string(name) + ", ipv6",
          Ethernet{} / dropped6() / Tcp{.flags = flags, .acknowledgement = 1});
  };
  segment("ack", kAck);
  segment("data", kAck | kPsh);
  segment("syn-ack", kSyn | kAck);
  segment("rst", kRst);
  segment("rst-ack", kRst | kAck);
  segment("syn-rst", kSyn | kRst);
  segment("fin-ack", kFin | kAck);
  segment("fin alone", kFin);
  segment("null", 0);
  segment("christmas tree without syn", kFin | kPsh | kUrg);
  segment("all flags", 0xff);
  c.add("data, from a reset source", Ethernet{} / reset() / Tcp{.flags = kAck} / payload(100));

  c.drops(Reason::RULE_DROP);
  const auto attempt = [&c](const char* name, uint8_t flags) {
    c.add(name, Ethernet{} / dropped() / Tcp{.flags = flags});
    c.add(std::string(name) + ", ipv6", Ethernet{} / dropped6() / Tcp{.flags = flags});
  };
  attempt("syn", kSyn);
  attempt("syn with ECN set-up", kSyn | kEce | kCwr);
  attempt("syn-fin", kSyn | kFin);
  attempt("syn-psh-urg", kSyn | kPsh | kUrg);
  c.add("syn with data (fast open)", Ethernet{} / dropped() / Tcp{} / payload(400));
  c.add("syn with options", Ethernet{} / dropped() / Tcp{.options = Bytes(20, 1)});
  c.add("syn with 40 bytes of options", Ethernet{} / dropped() / Tcp{.options = Bytes(40, 1)});
  c.add("syn with a wrong checksum", Ethernet{} / dropped() / Tcp{.checksum = uint16_t{1}});
  c.add("ip header with a wrong checksum",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .checksum = uint16_t{1}} / Tcp{});
  c.add("hop limit 1", Ethernet{} / Ipv4{.source = "203.0.113.1", .hops = 1} / Tcp{});
  c.add("source port 25", Ethernet{} / dropped() / Tcp{.source_port = 25});
}

void links(Corpus& c) {
  c.drops(Reason::RULE_DROP);
  c.add("vlan", Ethernet{} / Vlan{.id = 7} / dropped() / Tcp{});
  c.add("vlan, ipv6", Ethernet{} / Vlan{.id = 7} / dropped6() / Tcp{});
  c.add("service tag", Ethernet{} / Vlan{.tag = 0x88a8} / dropped() / Tcp{});
  c.add("service tag and vlan", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / dropped() / Tcp{});
  c.add("two vlan tags", Ethernet{} / Vlan{} / Vlan{} / dropped() / Tcp{});
  c.add("two tags, ipv6", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / dropped6() / Tcp{});
  c.add("priority tag, vlan 0", Ethernet{} / Vlan{.id = 0, .priority = 7} / dropped() / Tcp{});
  c.add("padded to 60", padded(Ethernet{} / dropped() / Tcp{}, 60));
  c.add("padded far beyond", padded(Ethernet{} / dropped() / Tcp{}, 1514));
  c.add("ipv6 padded", padded(Ethernet{} / dropped6() / Tcp{}, 100));
  c.add("to a group address", Ethernet{.destination = {1, 0, 0x5e, 0, 0, 1}} / dropped() / Tcp{});
}

void ipv4(Corpus& c) {
  c.drops(Reason::RULE_DROP);
  for (const size_t bytes : Sizes{4, 20, 40})
    c.add("ipv4 with " + std::to_string(bytes) + " bytes of options",
          Ethernet{} / Ipv4{.source = "203.0.113.1", .options = Bytes(bytes, 1)} / Tcp{});
  c.add("options that are zero where a TCP port would be",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .options = Bytes(8)} / Tcp{});
  c.add("don't fragment", Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x4000} / Tcp{});
  c.add("reserved fragment bit",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x8000} / Tcp{});
  c.add("first fragment with all of TCP's header",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2000} / Tcp{} / payload(12));
  c.add("first fragment that ends with TCP's options",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2000} / Tcp{.options = Bytes(4)});

  c.passes(Reason::LATER_FRAGMENT);
  for (const uint16_t offset : std::initializer_list<uint16_t>{2, 3, 100, 8191})
    c.add("fragment at offset " + std::to_string(offset),
          Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = offset} / Tcp{});
  c.add("fragment in the middle",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2002} / Tcp{});

  c.drops(Reason::OVERLAPPING_FRAGMENT);
  c.add("fragment at offset 1", Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 1} / Tcp{});
  c.add("fragment at offset 1, more to come",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2001} / Tcp{});
  c.add("fragment at offset 1 of an unlisted source",
        Ethernet{} / Ipv4{.fragment = 1, .protocol = uint8_t{6}} / payload(8));

  c.drops(Reason::SHORT_FIRST_FRAGMENT);
  for (const size_t bytes : Sizes{0, 8, 16, 19})
    c.add("first fragment with " + std::to_string(bytes) + " bytes of TCP",
          Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2000, .protocol = uint8_t{6}} /
              payload(bytes));
  c.add("first fragment that ends inside TCP's options",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2000} / Tcp{.header_words = 8} /
            payload(8));

  c.drops(Reason::BAD_IP_HEADER);
  const auto lying = [&c](const char* name, Ipv4 ip) { c.add(name, Ethernet{} / ip / Tcp{}); };
  lying("ipv4, version 6", {.version = 6});
  lying("ipv4, version 0", {.version = 0});
  lying("ipv4, header of 0 words", {.header_words = 0});
  lying("ipv4, header of 4 words", {.header_words = 4});
  lying("ipv4, header of 15 words in a packet of 10", {.header_words = 15});
  lying("ipv4, total length 0", {.total_length = 0});
  lying("ipv4, total length 19", {.total_length = 19});
  lying("ipv4, total length one more than the frame", {.total_length = 41});
  lying("ipv4, total length 65535", {.total_length = 65535});
  c.add("ipv4, total length less than its options",
        Ethernet{} / Ipv4{.options = Bytes(40), .total_length = 59} / Tcp{});
  c.add("icmp whose total length lies",
        Ethernet{} / Ipv4{.total_length = 100} / Payload{Bytes(8), 1});
}

void ipv6(Corpus& c) {
  c.drops(Reason::RULE_DROP);
  for (const auto& [name, type] :
       {std::pair{"hop-by-hop", 0}, {"routing", 43}, {"destination options", 60}})
    for (const size_t bytes : Sizes{8, 24, 256})
      c.add(std::string(name) + " of " + std::to_string(bytes) + " bytes",
            Ethernet{} / dropped6() /
                Extension{.type = static_cast<uint8_t>(type), .bytes = bytes} / Tcp{});
  c.add("authentication header of 24 bytes",
        Ethernet{} / dropped6() / Extension{.type = 51, .bytes = 24} / Tcp{});
  c.add("authentication header of 28 bytes",
        Ethernet{} / dropped6() / Extension{.type = 51, .bytes = 28} / Tcp{});
  c.add("hop-by-hop, destination options, routing", Ethernet{} / dropped6() / Extension{.type = 0} /
                                                        Extension{.type = 60} /
                                                        Extension{.type = 43} / Tcp{});
  Packet six = Ethernet{} / dropped6();
  for (int i = 0; i < 6; i++) six.add(Extension{});
  c.add("six extension headers", Packet(six).add(Tcp{}));
  c.add("atomic fragment", Ethernet{} / dropped6() / Fragment6{} / Tcp{});
  c.add("first fragment with all of TCP's header, ipv6",
        Ethernet{} / dropped6() / Fragment6{.more = true} / Tcp{} / payload(12));
  c.add("longest hop-by-hop header",
        Ethernet{} / dropped6() / Extension{.type = 0, .bytes = 1024} / Tcp{});

  c.drops(Reason::DEEP_HEADERS);
  c.add("seven extension headers", Packet(six).add(Extension{}).add(Tcp{}));
  c.add("seventh extension header announced and cut off", Packet(six).add(Payload{{}, 60}));
  Packet elsewhere = Ethernet{} / Ipv6{.source = "2001:db8:d::1", .destination = "2001:db8:99::1"};
  for (int i = 0; i < 7; i++) elsewhere.add(Extension{});
  c.passes(Reason::NOT_SERVICE);
  c.add("seven extension headers to another host", elsewhere.add(Tcp{}));

  c.passes(Reason::LATER_FRAGMENT);
  c.add("later fragment, ipv6", Ethernet{} / dropped6() / Fragment6{.offset = 2} / Tcp{});
  c.add("later fragment behind hop-by-hop",
        Ethernet{} / dropped6() / Extension{.type = 0} / Fragment6{.offset = 9} / Tcp{});
  c.add("later fragment of destination options at offset 1",
        Ethernet{} / dropped6() / Fragment6{.offset = 1} / Extension{} / Tcp{});

  c.drops(Reason::OVERLAPPING_FRAGMENT);
  c.add("fragment at offset 1, ipv6", Ethernet{} / dropped6() / Fragment6{.offset = 1} / Tcp{});

  c.drops(Reason::SHORT_FIRST_FRAGMENT);
  for (const size_t bytes : Sizes{0, 19})
    c.add("first fragment with " + std::to_string(bytes) + " bytes of TCP, ipv6",
          Ethernet{} / dropped6() / Fragment6{.more = true, .next_header = 6} / payload(bytes));
  c.add("first fragment that ends inside an extension header",
        Ethernet{} / dropped6() / Fragment6{.more = true} / Extension{.length = 9});

  c.drops(Reason::BAD_IP_HEADER);
  c.add("ipv6, version 4", Ethernet{} / Ipv6{.version = 4} / Tcp{});
  c.add("ipv6, payload length one more than the frame",
        Ethernet{} / Ipv6{.payload_length = 21} / Tcp{});
  c.add("ipv6, payload length 65535", Ethernet{} / Ipv6{.payload_length = 65535} / Tcp{});
  c.add("jumbogram", Ethernet{} / Ipv6{.payload_length = 0} / Extension{.type = 0} / Tcp{});
  c.add("extension header longer than the packet",
        Ethernet{} / dropped6() / Extension{.length = 255} / Tcp{});
  c.add("authentication header longer than the packet",
        Ethernet{} / dropped6() / Extension{.type = 51, .bytes = 12, .length = 255} / Tcp{});
  c.add("extension header announced, nothing there", Ethernet{} / Ipv6{.next_header = 60});
  c.add("payload length ends inside an extension header",
        Ethernet{} / Ipv6{.payload_length = 7} / Extension{} / Tcp{});
}

void truncated(Corpus& c) {
  const Bytes v4 = Ethernet{} / dropped() / Tcp{}, v6 = Ethernet{} / dropped6() / Tcp{};
  const Bytes tagged = Ethernet{} / Vlan{} / Vlan{} / dropped() / Tcp{};
  c.drops(Reason::TRUNCATED_ETHERNET);
  for (const size_t bytes : Sizes{0, 1, 6, 12, 13})
    c.add("cut to " + std::to_string(bytes), cut(v4, bytes));
  for (const size_t bytes : Sizes{14, 15, 17, 18, 21})
    c.add("two tags, cut to " + std::to_string(bytes), cut(tagged, bytes));
  c.drops(Reason::BAD_IP_HEADER);
  for (const size_t bytes : Sizes{14, 15, 33, 34, 53})
    c.add("ipv4 frame cut to " + std::to_string(bytes), cut(v4, bytes));
  c.add("two tags, cut to 22", cut(tagged, 22));
  for (const size_t bytes : Sizes{14, 53, 54, 73})
    c.add("ipv6 frame cut to " + std::to_string(bytes), cut(v6, bytes));

  c.drops(Reason::TRUNCATED_TCP);
  for (const size_t bytes : Sizes{0, 1, 13, 14, 19})
    c.add("ipv4 packet with " + std::to_string(bytes) + " bytes of TCP",
          Ethernet{} / Ipv4{.source = "203.0.113.1", .protocol = uint8_t{6}} / payload(bytes));
  for (const size_t bytes : Sizes{0, 1, 19})
    c.add("ipv6 packet with " + std::to_string(bytes) + " bytes of TCP",
          Ethernet{} / Ipv6{.next_header = 6} / payload(bytes));
  c.add("total length ends inside TCP, bytes behind it as padding",
        Ethernet{} / Ipv4{.total_length = 39} / Tcp{});
  c.add("TCP header of 4 words", Ethernet{} / dropped() / Tcp{.header_words = 4});
  c.add("TCP header of 0 words", Ethernet{} / dropped6() / Tcp{.header_words = 0});
  c.add("TCP header of 6 words in a packet of 5", Ethernet{} / dropped() / Tcp{.header_words = 6});
  c.add("TCP header of 15 words, ipv6",
        Ethernet{} / dropped6() / Tcp{.header_words = 15} / payload(39));
  c.add("first fragment whose TCP header is of 4 words",
        Ethernet{} / Ipv4{.source = "203.0.113.1", .fragment = 0x2000} / Tcp{.header_words = 4});
}

void decided(Corpus& c) {
  const auto from = [&c](std::initializer_list<const char*> sources, uint16_t port = 25) {
    for (const auto* source : sources)
      c.add(std::string("attempt from ") + source + " to port " + std::to_string(port),
            attempt_from(source, port));
  };
  c.passes(Reason::NO_RULE);
  from({"192.0.2.1", "192.0.2.129", "9.255.255.255", "11.0.0.0", "203.0.113.240", "203.0.114.0",
        "172.15.255.255", "172.32.0.0", "2001:db8:9::1", "2001:db8:c:0f00::1",
        "2001:db8:f::1:2:3:5", "2001:db8:e00::1", "2001:db8:b::1"});
  from({"203.0.113.194", "203.0.113.226"}, 587);  // the other policy has no rule for these
  c.drops(Reason::RULE_DROP);
  from({"203.0.113.0", "203.0.113.127", "10.0.0.0", "10.255.255.255", "10.19.255.255", "172.16.0.0",
        "172.31.255.255", "192.0.2.128", "192.0.2.254",
        "2001:db8:d::", "2001:db8:d:ffff:ffff:ffff:ffff:ffff", "2001:db8:d01::1",
        "2001:db8:f::1:2:3:4", "2001:db8:c:1000::1", "fd00::1"});
  from({"203.0.113.129", "2001:db8:e::1"}, 587);
  c.resets(Reason::RULE_RESET);
  from({"203.0.113.128", "203.0.113.191", "100.64.0.1", "2001:db8:e::1", "2001:db8:c:2000::1"});
  from({"203.0.113.1", "2001:db8:d::1"}, 587);
  c.expect(Action::INSPECT, Reason::RULE_INSPECT);
  from({"203.0.113.192", "203.0.113.223", "10.20.0.1", "2001:db8:1::1"});
  c.passes(Reason::RULE_ALLOW);
  from({"203.0.113.224", "203.0.113.239", "10.20.30.1", "2001:db8:a::1"});
  c.passes(Reason::PROTECTED);
  from({"203.0.113.77", "10.20.30.40", "2001:db8:d:1::1"});
  from({"203.0.113.77", "2001:db8:d:1::1"}, 587);

  c.resets(Reason::RULE_RESET);
  c.add("another service's policy", attempt_to("198.51.100.200"));
  c.add("another service's policy, ipv6", attempt_to("2001:db8:26::1"));

  c.passes(Reason::NO_SNAPSHOT);
  c.add("attempt, no rules loaded", Ethernet{} / dropped() / Tcp{}).with_rules = false;
  c.add("web, no rules loaded", attempt_from("203.0.113.1", 80)).with_rules = false;
  c.passes(Reason::NOT_IP);
  c.add("arp, no rules loaded", Ethernet{.type = 0x0806} / payload(46)).with_rules = false;
  c.drops(Reason::BAD_IP_HEADER);
  c.add("bad header, no rules loaded", Ethernet{} / Ipv4{.version = 5} / Tcp{}).with_rules = false;
}

void inside(Corpus& c) {
  const auto add = [&c](const std::string& name, Bytes frame) -> Case& {
    auto& added = c.add(name, std::move(frame));
    added.port = PS_PORT_MX;
    return added;
  };
  const auto resident = [](const char* destination) {
    return Ipv4{.source = "192.168.1.2", .destination = destination};
  };
  const auto resident6 = [](const char* destination) {
    return Ipv6{.source = "2001:db8:1a::2", .destination = destination};
  };
  c.passes(Reason::FROM_INSIDE);
  add("attempt from inside", Ethernet{} / dropped() / Tcp{});
  add("attempt from inside, ipv6", Ethernet{} / reset6() / Tcp{});
  add("arp from inside", Ethernet{.type = 0x0806} / payload(46));
  add("icmp from inside", Ethernet{} / resident("192.0.2.1") / Payload{Bytes(8), 1});
  add("later fragment from inside",
      Ethernet{} / Ipv4{.source = "192.168.1.2", .fragment = 2} / Tcp{});
  add("web from a resident", Ethernet{} / resident("192.0.2.1") / Tcp{.destination_port = 443});
  add("established, from a resident", Ethernet{} / resident("192.0.2.1") / Tcp{.flags = kAck});
  add("broken header from inside, no rules loaded", Ethernet{} / Ipv4{.version = 5} / Tcp{})
      .with_rules = false;
  add("attempt from a resident, no rules loaded", Ethernet{} / resident("192.0.2.1") / Tcp{})
      .with_rules = false;
  Packet seven = Ethernet{} / dropped6();
  for (int i = 0; i < 7; i++) seven.add(Extension{});
  add("seven extension headers from inside", Packet(seven).add(Tcp{}));

  c.drops(Reason::BAD_IP_HEADER);
  add("broken header from inside", Ethernet{} / Ipv4{.version = 5} / Tcp{});
  add("cut frame from inside", cut(Ethernet{} / dropped() / Tcp{}, 14));
  c.drops(Reason::SHORT_FIRST_FRAGMENT);
  add("short first fragment from inside",
      Ethernet{} / Ipv4{.source = "192.168.1.2", .fragment = 0x2000, .protocol = uint8_t{6}} /
          payload(8));
  c.drops(Reason::DEEP_HEADERS);
  Packet deep = Ethernet{} / resident6("2001:db8:99::1");
  for (int i = 0; i < 7; i++) deep.add(Extension{});
  add("seven extension headers from a resident", Packet(deep).add(Tcp{}));

  c.resets(Reason::RULE_RESET);
  add("resident to anybody", Ethernet{} / resident("192.0.2.1") / Tcp{});
  add("resident to anybody, ipv6", Ethernet{} / resident6("2001:db8:9::1") / Tcp{});
  add("resident to a service", Ethernet{} / resident("198.51.100.25") / Tcp{});
  add("resident to anybody, vlan", Ethernet{} / Vlan{.id = 3} / resident("192.0.2.1") / Tcp{});
  c.passes(Reason::RULE_ALLOW);
  add("resident to a smarthost", Ethernet{} / resident("203.0.113.225") / Tcp{});
  add("resident to a smarthost, ipv6", Ethernet{} / resident6("2001:db8:a::9") / Tcp{});
  c.passes(Reason::PROTECTED);
  add("resident to a protected address", Ethernet{} / resident("203.0.113.77") / Tcp{});
  c.passes(Reason::NO_RULE);
  add("resident to where no rule says anything", Ethernet{} / resident("203.0.113.193") / Tcp{});
  c.drops(Reason::RULE_DROP);
  add("resident to a dropped address", Ethernet{} / resident("203.0.113.1") / Tcp{});
  add("resident under hard", Ethernet{} / resident("203.0.113.129") / Tcp{});
  add("resident under hard, established",
      Ethernet{} / resident("203.0.113.129") / Tcp{.flags = kAck} / payload(5));
  c.drops(Reason::LEARNED_DROP);
  add("a resident that something was learned about",
      Ethernet{} / Ipv4{.source = "192.168.9.1", .destination = "192.0.2.1"} / Tcp{});
  c.passes(Reason::RULE_ALLOW);
  add("a resident that something was learned about, to a smarthost",
      Ethernet{} / Ipv4{.source = "192.168.9.1", .destination = "203.0.113.225"} / Tcp{});
  c.refuses(Reason::RULE_REFUSE);
  add("resident, refused", Ethernet{} / resident("198.19.3.1") / Tcp{});
  c.refuses(Reason::REFUSAL_GREETING);
  add("resident, refused, its handshake", segment("192.168.1.2", "198.19.3.1", 25, 0, kAck));
  c.drops(Reason::NEVER_ANSWERED);
  add("resident, reset, to a group MAC address",
      Ethernet{.destination = {1, 0, 0x5e, 0, 0, 1}} / resident("192.0.2.1") / Tcp{});
  c.drops(Reason::LIMIT_DROP);
  add("resident over the limit", Ethernet{} / resident("198.19.5.1") / Tcp{}).before = 3;
}

// Whatever a source under `hard` sends to a service.
void hard(Corpus& c) {
  const auto from = [&c](const char* source, const char* name, uint8_t flags) {
    c.add(std::string("hard: ") + name + " from " + source,
          frame_of(source, Tcp{.flags = flags, .sequence = 7, .acknowledgement = 0x01020304}));
  };
  c.drops(Reason::RULE_DROP);
  for (const auto* source : {"198.19.1.1", "2001:db8:1901::1"}) {
    from(source, "syn", kSyn);
    from(source, "ack", kAck);
    from(source, "data", kAck | kPsh);
    from(source, "rst", kRst);
    from(source, "syn-ack", kSyn | kAck);
    from(source, "nothing", 0);
  }
  c.resets(Reason::RULE_RESET);
  for (const auto* source : {"198.19.2.1", "2001:db8:1902::1"}) {
    from(source, "syn", kSyn);
    from(source, "ack", kAck);
    from(source, "fin-ack", kFin | kAck);
    from(source, "fin", kFin);
    from(source, "nothing", 0);
  }
  c.add("hard: data",
        frame_of("198.19.2.1", Tcp{.flags = kAck | kPsh, .acknowledgement = 9}, payload(77)));
  c.drops(Reason::NEVER_ANSWERED);
  from("198.19.2.1", "rst", kRst);
  from("198.19.2.1", "rst-ack", kRst | kAck);
  from("198.19.2.1", "syn-ack", kSyn | kAck);
  from("2001:db8:1902::1", "syn-rst", kSyn | kRst);
  c.passes(Reason::LEARNED_ALLOW);
  from("198.19.1.9", "learned allow, syn", kSyn);
  c.passes(Reason::NOT_ATTEMPT);
  from("198.19.1.9", "learned allow, ack", kAck);
  c.passes(Reason::NOT_SERVICE);
  c.add("hard: to another port",
        frame_of("198.19.1.1", Tcp{.flags = kAck, .destination_port = 80}));
}

void limits(Corpus& c) {
  const auto after = [&c](const char* source, int before) {
    auto& added =
        c.add("attempt " + std::to_string(before + 1) + " of " + source, attempt_from(source));
    added.before = before;
  };
  c.passes(Reason::NO_RULE);
  after("198.19.5.1", 0);
  after("198.19.5.2", 2);
  after("2001:db8:1905::1", 2);
  after("198.19.6.1", 0);
  after("198.19.7.1", 1);
  after("198.19.8.1", 0);
  c.drops(Reason::LIMIT_DROP);
  after("198.19.5.3", 3);
  after("2001:db8:1905:3::1", 9);
  c.resets(Reason::LIMIT_RESET);
  after("198.19.6.2", 1);
  after("2001:db8:1906::1", 1);
  c.refuses(Reason::LIMIT_REFUSE);
  after("198.19.7.2", 2);
  after("2001:db8:1907::1", 2);
  c.expect(Action::INSPECT, Reason::LEARNED_INSPECT);
  after("198.19.5.9", 7);
  c.passes(Reason::NO_RULE);
  after("198.19.8.2", 5);  // only observed
  c.passes(Reason::NOT_ATTEMPT);
  c.add("established, of a limited source", frame_of("198.19.5.1", Tcp{.flags = kAck}));
  c.add("established, of a source that is refused over its limit",
        frame_of("198.19.7.1", Tcp{.flags = kAck, .acknowledgement = 5}));
  c.refuses(Reason::REFUSAL_GREETING);
  c.add("handshake of a source over its limit",
        segment("198.19.7.1", "198.51.100.25", 25, 0, kAck));
  c.refuses(Reason::REFUSAL_TEXT);
  c.add("command of a source over its limit",
        segment("2001:db8:1907::1", "2001:db8:25::25", 25, 40, kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.refuses(Reason::RULE_REFUSE);
  after("198.19.9.1", 1);
  c.refuses(Reason::LIMIT_REFUSE);
  after("198.19.9.2", 2);
  c.refuses(Reason::REFUSAL_TEXT);
  c.add("command of a source that is refused, and limited besides",
        segment("198.19.9.1", "198.51.100.25", 25, 40, kAck | kPsh, "MAIL FROM:<>\r\n"));
}

void refusals(Corpus& c) {
  const char* const kTo = "198.51.100.25";
  const char* const kTo6 = "2001:db8:25::25";
  c.refuses(Reason::RULE_REFUSE);
  c.add("refused", attempt_from("198.19.3.1"));
  c.add("refused, ipv6", attempt_from("2001:db8:1903::1"));
  c.add("refused at once", attempt_from("198.19.4.1"));
  c.add("refused, submission", attempt_from("198.19.3.1", 587));
  c.add("refused, fast open", frame_of("198.19.3.1", Tcp{.options = Bytes(12, 1)}, payload(200)));
  c.add("refused, sequence wraps", frame_of("198.19.3.1", Tcp{.sequence = 0xffffffff}));
  c.add("refused, vlan", Ethernet{} / Vlan{.id = 5} / Ipv4{.source = "198.19.3.1"} / Tcp{});
  c.add("refused, two tags, ipv6", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{.id = 9} /
                                       Ipv6{.source = "2001:db8:1903::1"} / Tcp{});
  c.add("refused, padded", padded(attempt_from("198.19.3.1"), 60));
  c.refuses(Reason::LEARNED_REFUSE);
  c.add("learned refuse", attempt_from("198.18.6.7"));
  c.add("learned refuse, ipv6", attempt_from("2001:db8:18:6ff::7"));

  c.refuses(Reason::REFUSAL_GREETING);
  c.add("handshake", segment("198.19.3.1", kTo, 25, 0, kAck));
  c.add("handshake, ipv6", segment("2001:db8:1903::1", kTo6, 25, 0, kAck));
  c.add("handshake, urgent pointer and push",
        segment("198.19.3.1", kTo, 25, 0, kAck | kPsh | kUrg));
  c.add("handshake, named service", segment("198.19.3.1", kTo, 587, 0, kAck));
  c.add("handshake, refused at once", segment("198.19.4.1", kTo, 25, 0, kAck));
  c.add("handshake, refused at once, ipv6", segment("2001:db8:1904:0:1:0:0:1", kTo6, 25, 0, kAck));
  c.add("handshake, learned", segment("198.18.6.7", kTo, 25, 0, kAck));
  c.add("handshake, padded", padded(segment("198.19.3.1", kTo, 25, 0, kAck), 60));
  c.add("handshake under the key before", segment("198.19.3.1", kTo, 25, 0, kAck, "", -1));
  c.add("handshake under the key after", segment("198.19.3.1", kTo, 25, 0, kAck, "", 1));

  c.add("ehlo", segment("198.19.3.1", kTo, 25, 37, kAck | kPsh, "EHLO you.example\r\n"));
  c.add("helo in small letters, ipv6",
        segment("2001:db8:1903::1", kTo6, 25, 37, kAck | kPsh, "helo x\r\n"));
  c.add("ehlo of four bytes", segment("198.19.3.1", kTo, 587, 37, kAck | kPsh, "EHLO"));
  c.add("ehlo at once", segment("198.19.3.1", kTo, 25, 0, kAck | kPsh, "EHLO x\r\n"));
  c.add("ehlo, learned", segment("198.18.6.7", kTo, 25, 37, kAck, "Ehlo x\r\n"));

  c.refuses(Reason::REFUSAL_TEXT);
  c.add("ehlo, refused at once already",
        segment("198.19.4.1", kTo, 25, 80, kAck | kPsh, "EHLO you.example\r\n"));
  c.add("ehl and no more", segment("198.19.3.1", kTo, 25, 37, kAck | kPsh, "EHL"));
  c.add("command", segment("198.19.3.1", kTo, 25, 37, kAck | kPsh, "MAIL FROM:<a@b>\r\n"));
  c.add("command, ipv6", segment("2001:db8:1903::1", kTo6, 25, 37, kAck | kPsh, "RCPT TO:<a>\r\n"));
  c.add("command of one byte", segment("198.19.3.1", kTo, 25, 37, kAck, "E"));
  c.add("command of three bytes", segment("198.19.3.1", kTo, 25, 37, kAck, "QUI"));
  c.add("command without a greeting",
        segment("198.19.3.1", kTo, 25, 0, kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.add("command, all that can be said was said",
        segment("198.19.3.1", kTo, 25, 2047, kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.add("the longest text", segment("2001:db8:1904:ffff:eeee:dddd:cccc:bbbb", kTo6, 25, 9,
                                    kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.add("the longest text, of another service",
        segment("198.19.3.255", kTo, 587, 9, kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.add("a whole segment", segment("198.19.3.1", kTo, 25, 37, kAck, std::string(1400, 'x')));
  c.add("command, learned", segment("2001:db8:18:600::1", kTo6, 25, 37, kAck, "MAIL FROM:<>\r\n"));
  for (const auto* source :
       {"2001:db8:1903::", "2001:db8:1903:0:1::", "2001:db8:1903:1:0:0:2:0", "2001:db8:1903::1:0:1",
        "2001:db8:1903:0:0:1:0:0", "2001:db8:1903:a0b:c00d:e000:f:10"})
    c.add(std::string("command of ") + source,
          segment(source, kTo6, 25, 37, kAck | kPsh, "MAIL FROM:<>\r\n"));
  for (const auto* source : {"198.19.3.0", "198.19.3.10", "198.19.3.100"})
    c.add(std::string("command of ") + source,
          segment(source, kTo, 25, 37, kAck | kPsh, "MAIL FROM:<>\r\n"));

  c.refuses(Reason::REFUSAL_END);
  c.add("quit", segment("198.19.3.1", kTo, 25, 150, kAck | kPsh, "QUIT\r\n"));
  c.add("quit in small letters", segment("198.19.3.1", kTo, 25, 150, kAck | kPsh, "quit\r\n"));
  c.add("quit in both, ipv6", segment("2001:db8:1903::1", kTo6, 25, 150, kAck | kPsh, "qUiT"));
  c.add("fin", segment("198.19.3.1", kTo, 25, 150, kFin | kAck));
  c.add("fin with a command", segment("198.19.3.1", kTo, 25, 150, kFin | kAck, "MAIL FROM:<>\r\n"));
  c.add("fin at once, ipv6", segment("2001:db8:1903::1", kTo6, 25, 0, kFin | kAck));

  c.drops(Reason::REFUSAL_QUIET);
  c.add("acknowledges the greeting", segment("198.19.3.1", kTo, 25, 37, kAck));
  c.add("acknowledges our fin, ipv6", segment("2001:db8:1903::1", kTo6, 25, 151, kAck));
  c.add("resets a refused session", segment("198.19.3.1", kTo, 25, 37, kRst | kAck));
  c.add("syn-ack in a refused session", segment("198.19.3.1", kTo, 25, 37, kSyn | kAck));

  c.passes(Reason::NOT_ATTEMPT);
  c.add("refused, established", frame_of("198.19.3.1", Tcp{.flags = kAck, .acknowledgement = 77}));
  c.add("refused, rst without a cookie", frame_of("198.19.3.1", Tcp{.flags = kRst}));
  c.add("handshake under a key that is too old", segment("198.19.3.1", kTo, 25, 0, kAck, "", -2));
  c.add("handshake under a key that is not there yet",
        segment("198.19.3.1", kTo, 25, 0, kAck, "", 2));
  c.add("all was said, and one byte more",
        segment("198.19.3.1", kTo, 25, 2048, kAck | kPsh, "MAIL FROM:<>\r\n"));
  c.add("acknowledges less than the cookie", segment("198.19.3.1", kTo, 25, UINT32_MAX, kAck));
  c.add("somebody else's cookie",
        frame_of("198.19.3.2",
                 Tcp{.flags = kAck, .acknowledgement = acknowledgement("198.19.3.1", kTo, 25, 0)}));
  c.add("the cookie of another port",
        frame_of("198.19.3.1", Tcp{.flags = kAck,
                                   .source_port = 40001,
                                   .acknowledgement = acknowledgement("198.19.3.1", kTo, 25, 0)}));
  c.add("a cookie without an ack",
        frame_of("198.19.3.1",
                 Tcp{.flags = kPsh, .acknowledgement = acknowledgement("198.19.3.1", kTo, 25, 0)}));
  c.add("a cookie, from a source that is not refused", segment("192.0.2.1", kTo, 25, 0, kAck));
  c.add("a cookie, from one learned to drop", segment("198.19.3.9", kTo, 25, 0, kAck));

  c.drops(Reason::NEVER_ANSWERED);
  c.add("refused, to a group MAC address",
        Ethernet{.destination = {1, 0, 0x5e, 0, 0, 1}} / Ipv4{.source = "198.19.3.1"} / Tcp{});
  c.add("refused, from a service's own address", attempt_from("198.51.100.129"));
  c.add("refused, from a multicast address", attempt_from("239.1.0.1"));
}

void learned(Corpus& c) {
  const auto from = [&c](std::initializer_list<const char*> sources) {
    for (const auto* source : sources)
      c.add(std::string("learned about ") + source, attempt_from(source));
  };
  c.drops(Reason::LEARNED_DROP);
  from({"198.18.0.1", "198.18.1.0", "198.18.1.255", "198.18.5.1", "203.0.113.193", "203.0.113.130",
        "2001:db8:18::1", "2001:db8:19::1", "2001:db8:19:ffff::1", "2001:db8:19:8::1"});
  c.passes(Reason::LEARNED_ALLOW);
  from({"198.18.1.7", "203.0.113.10", "2001:db8:19:7::7"});
  c.expect(Action::INSPECT, Reason::LEARNED_INSPECT);
  from({"198.18.3.1", "2001:db8:18:200::1", "2001:db8:18:2ff::1", "2001:db8:19:7::8"});
  c.resets(Reason::LEARNED_RESET);
  from({"198.18.2.1", "198.18.4.1", "198.18.4.200", "2001:db8:18:1::1", "2001:db8:18:1:ffff::"});
  c.passes(Reason::NO_RULE);
  from({"198.18.0.0", "198.18.0.2", "198.18.2.0", "2001:db8:18::2", "2001:db8:18:300::1",
        "2001:db8:18:2::1"});
  c.add("learned, a nanosecond after its time", attempt_from("198.18.5.1")).now_ns = kNow + 1;
  c.add("learned, an hour later", attempt_from("198.18.0.1")).now_ns = kNow + 3'600'000'000'000;
  c.drops(Reason::LEARNED_DROP);
  c.add("learned, a nanosecond before its time", attempt_from("198.18.4.1")).now_ns = kNow - 1;
  c.add("learned, a nanosecond before an hour is over", attempt_from("198.18.0.1")).now_ns =
      kNow + 3'599'999'999'999;
  c.passes(Reason::PROTECTED);
  c.add("learned about a protected source", attempt_from("203.0.113.77"));
  c.passes(Reason::RULE_ALLOW);
  c.add("learned about an allowed source", attempt_from("203.0.113.225"));
  c.add("learned about an allowed source, ipv6", attempt_from("2001:db8:a::9"));
  c.passes(Reason::NOT_ATTEMPT);
  c.add("learned, but no attempt", Ethernet{} / Ipv4{.source = "198.18.0.1"} / Tcp{.flags = kAck});
  c.passes(Reason::NOT_SERVICE);
  c.add("learned, but no service", attempt_from("198.18.0.1", 80));
}

void replies(Corpus& c) {
  c.resets(Reason::RULE_RESET);
  c.add("reset", Ethernet{} / reset() / Tcp{});
  c.add("reset, ipv6", Ethernet{} / reset6() / Tcp{});
  c.add("reset, sequence wraps", Ethernet{} / reset() / Tcp{.sequence = 0xffffffff});
  c.add("reset, sequence wraps over data",
        Ethernet{} / reset6() / Tcp{.sequence = 0xfffffff0} / payload(100));
  c.add("reset, data", Ethernet{} / reset() / Tcp{} / payload(1000));
  c.add("reset, syn-fin", Ethernet{} / reset() / Tcp{.flags = kSyn | kFin});
  c.add("reset, syn-fin with data, ipv6",
        Ethernet{} / reset6() / Tcp{.flags = kSyn | kFin} / payload(3));
  c.add("reset, TCP options", Ethernet{} / reset() / Tcp{.options = Bytes(40, 1)});
  c.add("reset, IP options",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .options = Bytes(40, 1)} / Tcp{});
  c.add("reset, extension headers",
        Ethernet{} / reset6() / Extension{.type = 0} / Extension{} / Fragment6{} / Tcp{});
  c.add("reset, first fragment",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .fragment = 0x2000} / Tcp{} / payload(4));
  c.add("reset, vlan", Ethernet{} / Vlan{.id = 4094, .priority = 5} / reset() / Tcp{});
  c.add("reset, two tags", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{.id = 9} / reset() / Tcp{});
  c.add("reset, vlan, ipv6", Ethernet{} / Vlan{} / reset6() / Tcp{});
  c.add("reset, two tags, ipv6", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / reset6() / Tcp{});
  c.add("reset, padded", padded(Ethernet{} / reset() / Tcp{}, 60));
  c.add("reset, padded far beyond", padded(Ethernet{} / reset6() / Tcp{}, 1400));
  c.add(
      "reset, checksum of zero bits",
      Ethernet{} / reset() / Tcp{.destination_port = 25, .source_port = 0, .sequence = 0xfffffffe});

  c.drops(Reason::NEVER_ANSWERED);
  const Mac group = {0x01, 0, 0x5e, 0, 0, 1}, broadcast = {255, 255, 255, 255, 255, 255};
  c.add("reset, to a group MAC address", Ethernet{.destination = group} / reset() / Tcp{});
  c.add("reset, to all MAC addresses", Ethernet{.destination = broadcast} / reset6() / Tcp{});
  c.add("reset, from a group MAC address", Ethernet{.source = group} / reset() / Tcp{});
  for (const auto* source : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.255.255.255",
                             "240.0.0.1", "255.255.255.255", "::", "::1", "ff02::1"})
    c.add(std::string("reset, from ") + source, attempt_from(source));
  c.add("learned reset, from a multicast address", attempt_from("224.0.0.9"));
  c.add("reset, to a multicast address",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .destination = "239.1.1.1"} / Tcp{});
  c.add("reset, to a multicast address, ipv6",
        Ethernet{} / Ipv6{.source = "2001:db8:e::1", .destination = "ff05::1"} / Tcp{});
}

}  // namespace

const std::vector<Case>& corpus() {
  static const std::vector<Case> cases = [] {
    Corpus c;
    for (const auto group : {not_for_us, other_segments, links, ipv4, ipv6, truncated, decided,
                             inside, learned, replies, hard, limits, refusals})
      group(c);
    return c.take();
  }();
  return cases;
}

// SplitMix64: the same on every machine, unlike the distributions of the standard library.
uint64_t Mutations::random(uint64_t below) {
  state_ += 0x9e3779b97f4a7c15;
  uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return (z ^ (z >> 31)) % below;
}

Mutations::Mutant Mutations::next() {
  static constexpr uint16_t kWords[] = {0,      1,      2,      0x0800, 0x86dd, 0x8100,
                                        0x88a8, 0x8847, 0x2000, 0x4000, 0x1fff, 0xffff,
                                        25,     587,    40,     20,     60,     0x4500};
  static constexpr uint8_t kBytes[] = {0,    1,    6,    17,   43,   44,   51,   59,  60,
                                       0x45, 0x4f, 0x50, 0x60, 0x7f, 0x80, 0xf0, 0xff};
  const auto& origin = corpus()[random(corpus().size())];
  Mutant mutant{origin.frame, origin.port, &origin};
  auto& frame = mutant.frame;
  for (auto changes = random(5); changes > 0; changes--) {
    // Most of what matters lies in the first hundred bytes.
    const auto at = frame.empty() ? 0 : random(std::min<uint64_t>(frame.size(), 100));
    switch (frame.empty() ? 5 : random(7)) {
      case 0:
        frame[at] = static_cast<uint8_t>(frame[at] ^ (1u << random(8)));
        break;
      case 1:
        frame[at] = kBytes[random(std::size(kBytes))];
        break;
      case 2:
        frame[at] = static_cast<uint8_t>(random(256));
        break;
      case 3: {
        const auto value = kWords[random(std::size(kWords))];
        frame[at] = static_cast<uint8_t>(value >> 8);
        if (at + 1 < frame.size()) frame[at + 1] = static_cast<uint8_t>(value);
        break;
      }
      case 4:
        frame.resize(random(frame.size() + 1));
        break;
      case 5:
        frame.resize(frame.size() + random(80), static_cast<uint8_t>(random(256)));
        break;
      default: {  // a piece of another frame
        const auto& other = corpus()[random(corpus().size())].frame;
        const auto length = std::min<uint64_t>(
            {random(24), frame.size() - at, other.size() > at ? other.size() - at : 0});
        std::copy_n(other.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(at, other.size())),
                    length, frame.begin() + static_cast<ptrdiff_t>(at));
      }
    }
  }
  return mutant;
}

}  // namespace postern::packets
