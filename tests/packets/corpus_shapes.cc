// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the corpus that a frame's own shape decides: what it is, and whether it is whole.
#include "tests/packets/corpus_writer.h"

namespace postern::packets {
namespace {

void not_for_us(Corpus& c) {
  c.passes(Reason::NOT_IP);
  c.add("arp", Ethernet{.type = 0x0806} / payload(46));
  c.add("lldp", Ethernet{.destination = {1, 0x80, 0xc2, 0, 0, 0x0e}, .type = 0x88cc} / payload(46));
  c.add("lacp", Ethernet{.destination = {1, 0x80, 0xc2, 0, 0, 2}, .type = 0x8809} / payload(110));
  c.add("802.1x", Ethernet{.destination = {1, 0x80, 0xc2, 0, 0, 3}, .type = 0x888e} / payload(46));
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
  c.add("ospf", Ethernet{.destination = {1, 0, 0x5e, 0, 0, 5}} /
                    Ipv4{.source = "203.0.113.1", .destination = "224.0.0.5"} /
                    Payload{Bytes(44), 89});
  c.add("neighbour solicitation",
        Ethernet{.destination = {0x33, 0x33, 0xff, 0, 0, 0x25}} /
            Ipv6{.source = "2001:db8:d::1", .destination = "ff02::1:ff00:25"} /
            Payload{Bytes(32), 58});
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
  c.add("bgp attempt", attempt_from("203.0.113.1", 179));
  c.add("bgp", Ethernet{} / dropped() /
                   Tcp{.flags = kAck, .destination_port = 40000, .source_port = 179} / payload(19));
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

}  // namespace

std::vector<Group> shape_groups() {
  return {not_for_us, other_segments, links, ipv4, ipv6, truncated};
}

}  // namespace postern::packets
