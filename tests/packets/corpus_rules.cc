// SPDX-License-Identifier: BSD-3-Clause
//
// The part of the corpus that rules, entries and limits decide, and what is sent back.
#include "tests/packets/corpus_writer.h"

namespace postern::packets {
namespace {

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

// The same addresses in the VLANs of several customers.
void vlans(Corpus& c) {
  constexpr Vlan customer{.id = 100}, outer{.id = 100, .tag = 0x88a8}, third{.id = 200};
  constexpr Vlan own{.id = 7}, neighbour{.id = 8}, unnamed{.id = 101},
      priority{.id = 0, .priority = 5};
  constexpr auto to = [](const char* destination) {
    return Ipv4{.source = "203.0.113.1", .destination = destination};
  };
  constexpr auto to6 = [](const char* destination) {
    return Ipv6{.source = "2001:db8:d::1", .destination = destination};
  };
  c.resets(Reason::RULE_RESET);
  c.add("a customer's vlan", Ethernet{} / customer / to("198.51.100.25") / Tcp{});
  c.add("a customer's vlan, ipv6", Ethernet{} / customer / to6("2001:db8:25:1::1") / Tcp{});
  c.add("a customer's address in no other vlan",
        Ethernet{} / customer / to("198.51.100.1") / Tcp{});
  c.add("a customer's vlan, priority",
        Ethernet{} / Vlan{.id = 100, .priority = 7} / to("198.51.100.25") / Tcp{});
  c.add("a customer's vlan before another tag",
        Ethernet{} / outer / neighbour / to("198.51.100.25") / Tcp{});
  c.add("a customer's vlan before a priority tag",
        Ethernet{} / outer / priority / to("198.51.100.25") / Tcp{});
  c.add("another customer's vlan", Ethernet{} / third / to("10.0.0.25") / Tcp{});
  c.add("a customer's vlan behind a priority tag",
        Ethernet{} / priority / customer / to("198.51.100.25") / Tcp{});
  c.drops(Reason::RULE_DROP);
  c.add("a vlan of nobody", Ethernet{} / unnamed / to("198.51.100.25") / Tcp{});
  c.add("a customer's vlan, but as the inner tag",
        Ethernet{} / unnamed / customer / to("198.51.100.25") / Tcp{});
  c.add("behind both tags, another port",
        Ethernet{} / outer / own / to("198.51.100.25") / Tcp{.destination_port = 587});
  c.add("another customer's vlan, another port",
        Ethernet{} / third / to("10.0.0.25") / Tcp{.destination_port = 587});
  c.passes(Reason::NOT_SERVICE);
  c.add("behind both tags", Ethernet{} / outer / own / to("198.51.100.25") / Tcp{});
  c.add("behind both tags, ipv6", Ethernet{} / outer / own / to6("2001:db8:25::1") / Tcp{});
  c.add("another customer's address", Ethernet{} / customer / to("10.0.0.25") / Tcp{});
  c.add("a customer's vlan, another port",
        Ethernet{} / customer / to("198.51.100.25") / Tcp{.destination_port = 587});
  c.add("what is a service where nobody says otherwise",
        Ethernet{} / third / to("198.51.100.25") / Tcp{});
  c.add("a customer's address, untagged", Ethernet{} / to("198.51.100.1") / Tcp{});
  c.add("a customer's address with a priority tag",
        Ethernet{} / priority / to("198.51.100.1") / Tcp{});
  // Who is one of ours is asked of the frame's own VLAN.
  constexpr auto from = [](const char* destination) {
    return Ipv4{.source = "198.51.100.9", .destination = destination};
  };
  c.drops(Reason::NEVER_ANSWERED);
  c.add("reset, from a service of the same vlan",
        Ethernet{} / customer / from("198.51.100.25") / Tcp{});
  c.resets(Reason::RULE_RESET);
  c.add("reset, from what is a service in another vlan",
        Ethernet{} / from("198.51.100.200") / Tcp{});
  c.add("reset, from what is a service in the vlan of another customer",
        Ethernet{} / third / from("10.0.0.25") / Tcp{});
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
  c.add(
      "command in a frame to a group MAC address",
      Ethernet{.destination = {1, 0, 0x5e, 0, 0, 1}} / Ipv4{.source = "198.19.3.1"} /
          Tcp{.flags = kAck | kPsh, .acknowledgement = acknowledgement("198.19.3.1", kTo, 25, 37)} /
          payload(9));
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
  c.add("reset, 2048 bytes of TCP", Ethernet{} / reset() / Tcp{} / payload(2028));
  for (const size_t bytes : Sizes{1, 2, 3, 5, 12, 31, 33, 63, 65})
    c.add("reset, data of " + std::to_string(bytes), Ethernet{} / reset() / Tcp{} / payload(bytes));
  c.add("reset, data", Ethernet{} / reset() / Tcp{} / payload(1000));
  c.add("reset, syn-fin", Ethernet{} / reset() / Tcp{.flags = kSyn | kFin});
  c.add("reset, syn-fin with data, ipv6",
        Ethernet{} / reset6() / Tcp{.flags = kSyn | kFin} / payload(3));
  c.add("reset, TCP options", Ethernet{} / reset() / Tcp{.options = Bytes(40, 1)});
  c.add("reset, IP options",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .options = Bytes(40, 1)} / Tcp{});
  c.add("reset, extension headers",
        Ethernet{} / reset6() / Extension{.type = 0} / Extension{} / Fragment6{} / Tcp{});
  c.add("reset, vlan", Ethernet{} / Vlan{.id = 4094, .priority = 5} / reset() / Tcp{});
  c.add("reset, two tags", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{.id = 9} / reset() / Tcp{});
  c.add("reset, vlan, ipv6", Ethernet{} / Vlan{} / reset6() / Tcp{});
  c.add("reset, two tags, ipv6", Ethernet{} / Vlan{.tag = 0x88a8} / Vlan{} / reset6() / Tcp{});
  c.add("reset, padded", padded(Ethernet{} / reset() / Tcp{}, 60));
  c.add("reset, padded far beyond", padded(Ethernet{} / reset6() / Tcp{}, 1400));
  c.add(
      "reset, checksum of zero bits",
      Ethernet{} / reset() / Tcp{.destination_port = 25, .source_port = 0, .sequence = 0xfffffffe});

  c.drops(Reason::BAD_CHECKSUM);
  const Tcp wrong{.checksum = uint16_t{0x1234}};
  c.add("reset, wrong checksum", Ethernet{} / reset() / wrong);
  c.add("reset, wrong checksum, ipv6", Ethernet{} / reset6() / wrong);
  c.add("reset, wrong checksum, two tags", Ethernet{} / Vlan{} / Vlan{} / reset() / wrong);
  c.add("reset, no checksum", Ethernet{} / reset() / Tcp{.checksum = uint16_t{0}});
  c.add("reset, wrong checksum of the IP header",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .checksum = uint16_t{1}} / Tcp{});
  c.add("reset, wrong checksum behind IP options",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .options = Bytes(40, 1)} / wrong);
  for (const size_t bytes : Sizes{1, 2, 3, 4, 5, 31, 32, 33, 1000, 1459})
    c.add("reset, wrong last bit of " + std::to_string(bytes),
          flipped(Ethernet{} / reset() / Tcp{} / payload(bytes)));
  c.add("learned reset, wrong last bit, ipv6",
        flipped(Ethernet{} / Ipv6{.source = "2001:db8:e::1"} / Tcp{} / payload(77)));
  c.add("reset, a routing header leads elsewhere",
        Ethernet{} / reset6() / Extension{.type = 43} / wrong);
  c.add("refused, a command's last bit is wrong",
        flipped(segment("198.19.3.1", "198.51.100.25", 25, 0, kAck | kPsh, "MAIL FROM:<>\r\n")));

  c.drops(Reason::NEVER_ANSWERED);
  c.add("reset, first fragment",
        Ethernet{} / Ipv4{.source = "203.0.113.129", .fragment = 0x2000} / Tcp{} / payload(4));
  c.add("reset, first fragment, ipv6",
        Ethernet{} / reset6() / Fragment6{.more = true} / Tcp{} / payload(8));
  c.add("reset, 2049 bytes of TCP", Ethernet{} / reset() / Tcp{} / payload(2029));
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

std::vector<Group> rule_groups() {
  return {decided, vlans, inside, learned, replies, hard, limits, refusals};
}

}  // namespace postern::packets
