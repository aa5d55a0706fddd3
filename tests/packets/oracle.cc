// SPDX-License-Identifier: BSD-3-Clause
//
// Judging by the book, slowly (tests/packets/oracle.h).
#include "tests/packets/oracle.h"

#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <vector>

#include "tests/packets/naive_segment.h"

namespace postern::packets {
namespace {

// The entry with the longest prefix that holds the address.
const auto* longest(const auto& entries, const IpAddress& address, auto&& holds) {
  decltype(&*entries.begin()) best = nullptr;
  for (const auto& entry : entries)
    if (entry.prefix.contains(address) && holds(entry) &&
        (best == nullptr || entry.prefix.length() > best->prefix.length()))
      best = &entry;
  return best;
}

// Where services are looked for in a frame of these tags.
const std::vector<World::Destination>& destinations_for(const World& world, const Bytes& link) {
  std::vector<unsigned> identifiers;
  for (size_t at = 14; at + 4 <= link.size(); at += 4)
    if (const unsigned identifier = (link[at] * 256u + link[at + 1]) % 4096; identifier != 0)
      identifiers.push_back(identifier);
  identifiers.resize(2);
  for (const auto& zone : world.zones)
    if (zone.outer == identifiers[0] && zone.inner.value_or(identifiers[1]) == identifiers[1])
      return zone.destinations;
  return world.destinations;
}

bool may_be_answered(const IpAddress& address) {
  const auto& bytes = address.bytes();
  if (address.is_v4()) return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224;
  return address != *IpAddress::parse("::") && address != *IpAddress::parse("::1") &&
         bytes[0] != 255;
}

// How RFC 5952 writes it, but never with an IPv4 address in it.
std::string address_text(const IpAddress& address) {
  const auto& bytes = address.bytes();
  std::string text;
  if (address.is_v4()) {
    for (size_t i = 0; i < 4; i++) text += (i > 0 ? "." : "") + std::to_string(bytes[i]);
    return text;
  }
  // Every way of leaving out one run of two zero groups or more; the shortest text is the right
  // one, and of several the one that leaves out what comes first.
  std::vector<std::string> groups;
  for (size_t i = 0; i < 16; i += 2) {
    char group[8];
    std::snprintf(group, sizeof group, "%x", bytes[i] * 256u + bytes[i + 1]);
    groups.emplace_back(group);
  }
  const auto joined = [&](size_t from, size_t to) {
    std::string part;
    for (size_t i = from; i < to; i++) part += (i > from ? ":" : "") + groups[i];
    return part;
  };
  text = joined(0, 8);
  for (size_t from = 0; from < 8; from++)
    for (size_t to = from + 2; to <= 8; to++) {
      if (std::any_of(groups.begin() + static_cast<ptrdiff_t>(from),
                      groups.begin() + static_cast<ptrdiff_t>(to),
                      [](const auto& group) { return group != "0"; }))
        continue;
      const auto shorter = joined(0, from) + "::" + joined(to, 8);
      if (shorter.size() < text.size()) text = shorter;
    }
  return text;
}

std::string text_for(const World& world, size_t number, const NaiveSegment& segment) {
  std::string text;
  const auto& written = world.texts.at(number);
  for (size_t i = 0; i < written.size(); i++) {
    if (written[i] != '%') {
      text += written[i];
    } else if (written[++i] == 'a') {
      text += address_text(segment.source);
    } else {
      const auto to = address_text(segment.destination);
      text += segment.source.is_v4() ? "[" + to + "]" : "[IPv6:" + to + "]";
    }
  }
  return text;
}

// What is sent back: a segment with these, the other way round.
Bytes reply_to(const NaiveSegment& segment, uint32_t sequence, uint32_t acknowledgement,
               uint8_t flags, const std::string& text = {}) {
  const Tcp tcp = {.flags = flags,
                   .destination_port = static_cast<uint16_t>(segment.source_port),
                   .source_port = static_cast<uint16_t>(segment.destination_port),
                   .sequence = sequence,
                   .acknowledgement = acknowledgement,
                   .window = static_cast<uint16_t>((flags & kRst) != 0 ? 0 : 1024)};
  const auto from = segment.destination.to_string(), to = segment.source.to_string();
  const Payload said{Bytes(text.begin(), text.end()), 6};
  const Bytes packet =
      segment.source.is_v4()
          ? (Ipv4{.source = from, .destination = to, .fragment = 0x4000} / tcp / said).bytes()
          : (Ipv6{.source = from, .destination = to} / tcp / said).bytes();
  Bytes frame = segment.link;
  std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

uint32_t length_of(const NaiveSegment& segment) {
  return static_cast<uint32_t>(segment.payload.size()) + ((segment.flags & kSyn) != 0 ? 1 : 0) +
         ((segment.flags & kFin) != 0 ? 1 : 0);
}

Bytes reset_to(const NaiveSegment& segment) {
  if ((segment.flags & kAck) != 0) return reply_to(segment, segment.acknowledgement, 0, kRst);
  return reply_to(segment, 0, segment.sequence + length_of(segment), kRst | kAck);
}

uint64_t siphash(const ps_siphash_key& key, const Bytes& message) {
  struct Free {
    void operator()(EVP_MAC* mac) const { EVP_MAC_free(mac); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
  };
  static const std::unique_ptr<EVP_MAC, Free> mac(EVP_MAC_fetch(nullptr, "SIPHASH", nullptr));
  const std::unique_ptr<EVP_MAC_CTX, Free> context(EVP_MAC_CTX_new(mac.get()));
  size_t size = 8, length = 0;
  const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_size_t("size", &size),
                                   OSSL_PARAM_construct_end()};
  uint64_t hash = 0;
  if (EVP_MAC_init(context.get(), reinterpret_cast<const uint8_t*>(key.words), sizeof key.words,
                   parameters) != 1 ||
      EVP_MAC_update(context.get(), message.data(), message.size()) != 1 ||
      EVP_MAC_final(context.get(), reinterpret_cast<uint8_t*>(&hash), &length, sizeof hash) != 1)
    throw std::runtime_error("OpenSSL does not do SipHash");
  return hash;
}

// How much of ours it has received, when it acknowledges a cookie of an epoch that counts.
std::optional<uint32_t> received_of_ours(const World& world, const NaiveSegment& segment) {
  if ((segment.flags & kAck) == 0) return std::nullopt;
  for (const uint32_t epoch :
       {world.cookies.epoch - 1, world.cookies.epoch, world.cookies.epoch + 1}) {
    const auto cookie = cookie_of(world, segment.source, segment.destination,
                                  static_cast<uint16_t>(segment.source_port),
                                  static_cast<uint16_t>(segment.destination_port), epoch);
    const uint32_t said = segment.acknowledgement - 1 - cookie;
    if (said < 2048) return said;
  }
  return std::nullopt;
}

// The first four letters, as capitals.
std::string verb_of(const Bytes& payload) {
  if (payload.size() < 4) return {};
  std::string word(payload.begin(), payload.begin() + 4);
  for (auto& letter : word)
    if (letter >= 'a' && letter <= 'z') letter = static_cast<char>(letter - 'a' + 'A');
  return word;
}

// Whatever may be answered at all.
bool is_answerable(const NaiveSegment& segment) {
  if (segment.is_fragment || segment.tcp.size() > 2048) return false;
  if ((segment.flags & kRst) != 0) return false;
  if ((segment.flags & kSyn) != 0 && (segment.flags & kAck) != 0) return false;
  if ((segment.link[0] % 2) != 0 || (segment.link[6] % 2) != 0) return false;
  return may_be_answered(segment.source) && may_be_answered(segment.destination);
}
// The same, where its source may be anybody.
bool may_answer(const World& world, const NaiveSegment& segment) {
  const auto& destinations = destinations_for(world, segment.link);
  return is_answerable(segment) &&
         std::none_of(destinations.begin(), destinations.end(),
                      [&](const auto& place) { return place.prefix.contains(segment.source); });
}

// What a segment of a source that is refused gets, when it belongs to a refused session.
Judgement converse(const World& world, const NaiveSegment& segment, uint32_t said, size_t text,
                   std::optional<size_t> greeting) {
  const auto answer = [&](Reason reason, uint8_t flags, const std::string& line = {}) {
    if (!is_answerable(segment)) return Judgement{Action::DROP, Reason::NEVER_ANSWERED, {}};
    if (!is_intact(segment)) return Judgement{Action::DROP, Reason::BAD_CHECKSUM, {}};
    return Judgement{Action::REFUSE, reason,
                     reply_to(segment, segment.acknowledgement,
                              segment.sequence + length_of(segment), flags, line)};
  };
  const Judgement quiet{Action::DROP, Reason::REFUSAL_QUIET, {}};
  if ((segment.flags & (kSyn | kRst)) != 0) return quiet;
  if ((segment.flags & kFin) != 0 || verb_of(segment.payload) == "QUIT")
    return answer(Reason::REFUSAL_END, kFin | kAck);
  const auto verb = verb_of(segment.payload);
  if (greeting && (verb == "HELO" || verb == "EHLO"))
    return answer(Reason::REFUSAL_GREETING, kPsh | kAck, text_for(world, *greeting + 1, segment));
  if (!segment.payload.empty())
    return answer(Reason::REFUSAL_TEXT, kPsh | kAck, text_for(world, text, segment));
  if (said > 0) return quiet;
  return answer(Reason::REFUSAL_GREETING, kPsh | kAck,
                text_for(world, greeting.value_or(text), segment));
}

struct Judged {
  unsigned policy = 0, service = 0;
  size_t greeting = 0;
  bool outbound = false;
};

}  // namespace

uint32_t cookie_of(const World& world, const IpAddress& source, const IpAddress& destination,
                   uint16_t source_port, uint16_t destination_port, uint32_t epoch) {
  Bytes message;
  const auto size = source.is_v4() ? 4 : 16;
  for (const auto& address : {source, destination})
    message.insert(message.end(), address.bytes().begin(), address.bytes().begin() + size);
  message.push_back(source.is_v4() ? 4 : 6);
  for (const uint16_t port : {destination_port, source_port}) {
    message.push_back(static_cast<uint8_t>(port >> 8));
    message.push_back(static_cast<uint8_t>(port));
  }
  message.insert(message.end(), 3, 0);
  const auto hash = siphash(world.cookies.keys[epoch % 4], message);
  return static_cast<uint32_t>(hash) % 524288 * 8192 + epoch % 4 * 2048;
}

Judgement NaiveJudge::judge(ps_port port, const Bytes& frame, uint64_t now_ns, bool with_rules) {
  const auto settle = [](Reason reason) {
    return Judgement{describe(reason).stops ? Action::DROP : Action::ALLOW, reason, {}};
  };
  const bool inside = port == PS_PORT_MX;
  const Reason unjudged = inside ? Reason::FROM_INSIDE : Reason::NOT_ATTEMPT;
  if (inside && (!with_rules || (world_.features & PS_FEATURE_OUTBOUND) == 0))
    return settle(Reason::FROM_INSIDE);
  NaiveSegment segment;
  bool too_deep = false;
  try {
    read(frame, segment);
  } catch (const Settled& settled) {
    return settle(inside && !describe(settled.reason).stops ? Reason::FROM_INSIDE : settled.reason);
  } catch (const TooDeep&) {
    too_deep = true;
  }
  if (!with_rules) return settle(Reason::NO_SNAPSHOT);

  const auto any = [](const auto&) { return true; };
  const auto class_of = [&](const IpAddress& address) {
    const auto* listed = longest(world_.sources, address, any);
    return listed ? listed->address_class : 0;
  };
  Judged by;
  if (inside) {
    const auto outbound = world_.outbound.at(class_of(segment.source));
    if (outbound.port == 0) return settle(Reason::FROM_INSIDE);
    if (too_deep) return settle(Reason::DEEP_HEADERS);
    if (outbound.port != segment.destination_port) return settle(Reason::FROM_INSIDE);
    by = {outbound.policy, 100'000u + outbound.policy, 0, true};
  } else {
    const auto* destination =
        longest(destinations_for(world_, segment.link), segment.destination, any);
    if (destination == nullptr) return settle(Reason::NOT_SERVICE);
    if (too_deep) return settle(Reason::DEEP_HEADERS);
    const auto service =
        std::ranges::find(destination->services, segment.destination_port, &ps_service::port);
    if (service == destination->services.end()) return settle(Reason::NOT_SERVICE);
    by = {service->policy, service->service, service->greeting, false};
  }

  auto verdict =
      world_.matrix[by.policy][class_of(by.outbound ? segment.destination : segment.source)];
  auto action = static_cast<Action>(verdict.action);
  auto reason = static_cast<Reason>(verdict.reason);
  auto limit = world_.limits[verdict.limit];
  bool has_limit = verdict.limit != 0, is_hard = (verdict.flags & PS_VERDICT_HARD) != 0;
  bool at_once = (verdict.flags & PS_VERDICT_GREETING) != 0;
  size_t text = verdict.text;
  const auto* entry = longest(world_.entries, segment.source,
                              [now_ns](const auto& e) { return e.expires_ns > now_ns; });
  if (reason != Reason::PROTECTED && reason != Reason::RULE_ALLOW && entry != nullptr) {
    action = entry->action;
    reason = action == Action::ALLOW     ? Reason::LEARNED_ALLOW
             : action == Action::INSPECT ? Reason::LEARNED_INSPECT
             : action == Action::RESET   ? Reason::LEARNED_RESET
             : action == Action::REFUSE  ? Reason::LEARNED_REFUSE
                                         : Reason::LEARNED_DROP;
    has_limit = is_hard = at_once = false;
    text = PS_TEXT_LEARNED;
  }

  unsigned events = 0;
  if (!segment.is_attempt()) {
    const bool stays = is_hard && (action == Action::DROP || action == Action::RESET);
    if (!stays) {
      const bool by_limit = action != Action::REFUSE && has_limit && limit.observe == 0 &&
                            limit.otherwise == PS_ACTION_REFUSE;
      if (by_limit) text = PS_TEXT_LIMITED;
      if (action != Action::REFUSE && !by_limit) return settle(unjudged);
      const auto said = received_of_ours(world_, segment);
      if (!said) return settle(unjudged);
      std::optional<size_t> greeting;
      if (by.greeting != 0 && !(at_once && !by_limit)) greeting = by.greeting;
      return converse(world_, segment, *said, text, greeting);
    }
  } else if (has_limit) {
    const auto source =
        segment.source.is_v4()
            ? segment.source.to_string()
            : Prefix::make(segment.source, 64, Prefix::HostBits::kMask)->to_string();
    auto& arrival = arrivals_[{source, by.service}];
    const uint64_t from = std::max(arrival, now_ns);
    if (from - now_ns <= (limit.burst - 1) * limit.interval_ns) {
      arrival = from + limit.interval_ns;
    } else if (limit.observe != 0) {
      events = 1u << PS_EVENT_LIMIT_OBSERVED;
    } else {
      action = static_cast<Action>(limit.otherwise);
      reason = action == Action::RESET    ? Reason::LIMIT_RESET
               : action == Action::REFUSE ? Reason::LIMIT_REFUSE
                                          : Reason::LIMIT_DROP;
    }
  }

  Judgement judgement{action, reason, {}, events};
  if (action != Action::RESET && action != Action::REFUSE) return judgement;
  if (!may_answer(world_, segment)) {
    judgement.action = Action::DROP;
    judgement.reason = Reason::NEVER_ANSWERED;
    return judgement;
  }
  if (!is_intact(segment)) {
    judgement.action = Action::DROP;
    judgement.reason = Reason::BAD_CHECKSUM;
    return judgement;
  }
  judgement.reply = action == Action::RESET
                        ? reset_to(segment)
                        : reply_to(segment,
                                   cookie_of(world_, segment.source, segment.destination,
                                             static_cast<uint16_t>(segment.source_port),
                                             static_cast<uint16_t>(segment.destination_port),
                                             world_.cookies.epoch),
                                   segment.sequence + 1, kSyn | kAck);
  return judgement;
}

Judgement judge_naively(const World* world, ps_port port, const Bytes& frame, uint64_t now_ns) {
  return NaiveJudge(world ? *world : corpus_world()).judge(port, frame, now_ns, world != nullptr);
}

std::string hex(const Bytes& bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte / 16];
    text += kDigits[byte % 16];
  }
  return text;
}

std::string to_string(const Judgement& judgement) {
  return std::string(word(judgement.action)) + " " + std::string(word(judgement.reason)) +
         (judgement.reply ? " reply " + hex(*judgement.reply) : "") +
         (judgement.events ? " events " + std::to_string(judgement.events) : "");
}

}  // namespace postern::packets
