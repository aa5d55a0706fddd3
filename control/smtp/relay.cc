// SPDX-License-Identifier: BSD-3-Clause
//
// The farm's replies pass with code and text; what is no answer to the question becomes a 451.
#include "control/smtp/relay.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace postern::smtp {

namespace asio = boost::asio;

namespace {

// What the client is told: the farm's reply, unless it concerns our connection or makes no sense.
Reply for_client(Reply reply) {
  if (reply.code == 421) reply.code = 451;
  if (reply.intermediate())
    return make_reply(451, "4.3.0", "the mail exchanger gave an answer that is none");
  return reply;
}

// Without altering the message, or what the sender was promised. Reports of delivery are no such
// promise: RFC 3461 §5.2.1 lets a relay hand on to one that knows no DSN.
bool can_carry(const FarmOffer& offer, const Sender& sender) {
  if (sender.body == BodyType::kEightBitMime && !offer.eight_bit_mime) return false;
  return offer.utf8 || !sender.utf8;
}

}  // namespace

Offer Service::offer() const {
  Offer offer{.size = options.max_message};
  if (!farm_offer) return offer;
  offer.eight_bit_mime = farm_offer->eight_bit_mime;
  offer.enhanced_status_codes = farm_offer->enhanced_status_codes;
  offer.utf8 = farm_offer->utf8 && farm_offer->eight_bit_mime;  // RFC 6531 §3.1 item 8
  offer.chunking = farm_offer->chunking;
  offer.dsn = farm_offer->dsn;
  offer.recipients = farm_offer->recipients;
  if (farm_offer->size != 0) offer.size = std::min(offer.size, farm_offer->size);
  return offer;
}

Reply Relay::unavailable() {
  spdlog::warn("farm state=unavailable host={} port={} error=\"{}\"", service_.options.farm.host,
               service_.options.farm.port, leg_ ? leg_->error() : "");
  leg_.reset();
  mail_open_ = false;
  needs_reset_ = false;
  return make_reply(451, "4.4.1", "the mail exchanger does not answer; try again later");
}

asio::awaitable<Reply> Relay::recipient(const Sender& sender, const Recipient& recipient) {
  if (refusal_) co_return *refusal_;
  if (!mail_open_) {
    Reply begun = co_await begin(sender);
    if (!begun.positive()) {
      refusal_ = begun;
      co_return begun;
    }
    mail_open_ = true;
  }
  auto answer = co_await leg_->rcpt(recipient);
  if (!answer || !leg_->usable()) {
    // Recipients accepted before are lost with the connection: deliver() will say 451.
    refusal_ = unavailable();
    co_return answer && !answer->positive() ? for_client(*answer) : *refusal_;
  }
  co_return for_client(std::move(*answer));
}

asio::awaitable<Reply> Relay::begin(const Sender& sender) {
  auto answer = co_await reuse(sender);
  if (!answer) {
    leg_ = std::make_unique<FarmLeg>(executor_, service_.options.farm);
    needs_reset_ = false;
    const bool opened = co_await leg_->open();
    if (!opened) co_return unavailable();
    service_.farm_offer = leg_->offer();
    if (!can_carry(leg_->offer(), sender)) {
      // It was offered when the client asked; the next EHLO will not offer it.
      co_return make_reply(451, "4.3.0", "what MAIL asks for is not to be had any more; try again");
    }
    answer = co_await leg_->mail(sender);
  }
  if (!answer || !leg_->usable()) {
    Reply lost = unavailable();
    co_return answer && !answer->positive() ? for_client(*answer) : lost;
  }
  needs_reset_ = true;
  co_return for_client(std::move(*answer));
}

// MAIL over the connection that served the message before. nullopt: there is none that works.
asio::awaitable<std::optional<Reply>> Relay::reuse(const Sender& sender) {
  if (!leg_ || !leg_->usable()) co_return std::nullopt;
  if (!can_carry(leg_->offer(), sender)) co_return std::nullopt;
  if (needs_reset_) {
    const auto done = co_await leg_->rset();
    if (!done || !done->positive() || !leg_->usable()) co_return std::nullopt;
    needs_reset_ = false;
  }
  auto answer = co_await leg_->mail(sender);
  if (!answer || !leg_->usable()) co_return std::nullopt;
  co_return answer;
}

asio::awaitable<Reply> Relay::deliver(std::string head, Spool& spool, TextShape shape) {
  const bool open = mail_open_ && leg_ && leg_->usable();
  const auto lost_before = refusal_;
  mail_open_ = false;
  refusal_.reset();
  if (!open) {
    if (lost_before && lost_before->transient()) co_return *lost_before;
    co_return unavailable();
  }
  const bool in_chunks = shape.framing == Framing::kChunks && leg_->offer().chunking;
  if (!in_chunks && !shape.ends_in_line) {
    // DATA would add a line end. The next EHLO will not offer CHUNKING.
    reset();
    needs_reset_ = true;
    co_return make_reply(451, "4.3.0", "BDAT is not to be had any more; try again");
  }
  auto answer = in_chunks ? co_await leg_->send_chunk(std::move(head), spool)
                          : co_await leg_->send(std::move(head), spool);
  if (!answer) co_return unavailable();
  needs_reset_ = !answer->positive();
  co_return for_client(std::move(*answer));
}

void Relay::reset() {
  mail_open_ = false;
  refusal_.reset();
}

asio::awaitable<void> Relay::end() {
  if (leg_) co_await leg_->quit();
  leg_.reset();
}

void Relay::close() {
  if (leg_) leg_->close();
}

}  // namespace postern::smtp
