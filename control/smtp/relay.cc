// SPDX-License-Identifier: BSD-3-Clause
//
// The farm's replies pass with code and text; what is no answer to the question becomes a 451.
#include "control/smtp/relay.h"

#include <algorithm>
#include <utility>

namespace postern::smtp {

namespace asio = boost::asio;

namespace {

// Connections that may fail one after another before a client hears of it.
constexpr int kAttempts = 3;
// Of one connection, before it is given up for another.
constexpr size_t kMostRefusals = 15;

// For Received, Authentication-Results and what else is put in front: far more than these take.
constexpr uint64_t kHeadRoom = 16384;

// What the client is told: the farm's reply, unless it concerns our connection or makes no sense.
Reply for_client(Reply reply) {
  if (reply.code == 421) reply.code = 451;
  if (reply.intermediate())
    return make_reply(451, "4.3.0", "the mail exchanger gave an answer that is none");
  return reply;
}

Reply unavailable() {
  return make_reply(451, "4.4.1", "the mail exchanger does not answer; try again later");
}

Reply differing() {
  return make_reply(451, "4.4.5", "the mail exchangers differ about a recipient; try again later");
}

Reply out_of_time() {
  return make_reply(451, "4.4.7", "it could not be passed on in time; try again later");
}

Reply no_room() {
  return make_reply(451, "4.3.2", "the mail exchangers have no room; try again later");
}

// Only those are asked for that were offered. Where a backend does not offer them any more they
// would be dropped without a word, though RFC 3461 §5.2.1 lets a relay do so with a report of its
// own: we write none.
bool asks_for_reports(const Recipient& recipient) {
  return !recipient.notify.empty() || !recipient.original.empty();
}
bool asks_for_reports(const Sender& sender) {
  return sender.dsn_return.has_value() || !sender.envelope_id.empty();
}

// Without altering the message, or what the sender was promised.
bool can_carry(const FarmOffer& offer, const Sender& sender,
               const std::vector<Recipient>& recipients) {
  if (sender.body == BodyType::kEightBitMime && !offer.eight_bit_mime) return false;
  if (sender.utf8 && !offer.utf8) return false;
  return offer.dsn || (!asks_for_reports(sender) &&
                       std::ranges::none_of(recipients, [](const Recipient& recipient) {
                         return asks_for_reports(recipient);
                       }));
}

Reply cannot_carry() {
  return make_reply(451, "4.3.0", "what was asked for is not to be had any more; try again");
}

}  // namespace

Offer Service::offer() const {
  Offer offer{.size = options.max_message};
  const auto& all = farm.offer();
  if (!all) return offer;
  offer.eight_bit_mime = all->eight_bit_mime;
  offer.enhanced_status_codes = all->enhanced_status_codes;
  offer.utf8 = all->utf8 && all->eight_bit_mime;  // RFC 6531 §3.1 item 8
  offer.chunking = all->chunking;
  offer.dsn = all->dsn;
  offer.recipients = all->recipients;
  // What we put in front of a message is on the backend's account as well.
  if (all->size > 2 * kHeadRoom) offer.size = std::min(offer.size, all->size - kHeadRoom);
  if (all->size != 0) offer.size = std::min(offer.size, all->size);
  return offer;
}

void Relay::lose() {
  open_ = false;
  if (closed_)
    leg_.reset();  // by us
  else
    service_.farm.lost(std::move(leg_), retry_);
}

// Makes leg_ one on which MAIL may be said, the one that there is or another.
asio::awaitable<bool> Relay::take_up() {
  if (!leg_ || !leg_->usable()) co_return false;
  if (!leg_->can_introduce(client_)) co_return false;
  leg_->reused();
  const bool clean = co_await leg_->clean();
  if (!clean) co_return false;
  const bool introduced = co_await leg_->introduce(client_);
  co_return introduced && (leg_->refuses_client() || can_carry(leg_->offer(), sender_, accepted_));
}

// MAIL, and the recipients that were accepted before, on whichever backend. 2xx: RCPT or the text
// may follow. Where recipients were accepted before, anything else is a 4xx.
asio::awaitable<Reply> Relay::begin() {
  Reply told = unavailable();
  if (leg_) leg_->keep_to(time_);
  for (int attempt = 0; attempt < kAttempts && !closed_; attempt++) {
    if (time_.too_late_to_send()) co_return out_of_time();
    if (open_) co_return make_reply(250, "2.0.0", "open");
    if (leg_) {
      const bool taken_up = co_await take_up();
      // One that only cannot carry this message is fine for others.
      if (!taken_up && leg_->usable()) service_.farm.give_back(std::move(leg_));
      if (!taken_up && leg_) lose();
    }
    if (!leg_ && !closed_) {
      leg_ = co_await service_.farm.connect(client_, retry_, time_);
      if (!leg_ && service_.farm.had_no_room()) told = no_room();
      if (!leg_) break;
    }
    if (closed_) break;
    if (!leg_->refuses_client() && !can_carry(leg_->offer(), sender_, accepted_)) {
      // It was offered when the client asked; the next EHLO will not offer it.
      co_return cannot_carry();
    }
    auto answer = co_await leg_->mail(sender_);
    if (answer && leg_->usable() && !answer->positive()) {
      if (accepted_.empty()) co_return for_client(std::move(*answer));
      differs_ = true;
      co_return differing();
    }
    if (answer && leg_->usable()) answer = co_await replay();
    if (answer && leg_->usable()) {
      if (differs_) co_return differing();
      open_ = true;
      continue;
    }
    if (answer && !answer->positive() && accepted_.empty()) told = for_client(std::move(*answer));
    const bool late = leg_->timed_out();
    lose();
    if (late) break;  // the client's patience is not ours to use up
  }
  if (open_) co_return make_reply(250, "2.0.0", "open");
  co_return told;
}

// The last answer; nullopt: the connection is lost.
asio::awaitable<std::optional<Reply>> Relay::replay() {
  std::optional<Reply> answer = make_reply(250, "2.0.0", "nobody yet");
  for (const auto& recipient : accepted_) {
    answer = co_await leg_->rcpt(recipient);
    if (!answer || !leg_->usable()) co_return answer;
    if (answer->positive()) continue;
    differs_ = true;
    co_return answer;
  }
  co_return answer;
}

asio::awaitable<Reply> Relay::recipient(const Sender& sender, const Recipient& recipient) {
  if (refusal_) co_return *refusal_;
  sender_ = sender;
  std::optional<Reply> told;  // the last word of a backend that was lost with it
  for (int attempt = 0; attempt < kAttempts && !closed_; attempt++) {
    const Reply begun = co_await begin();
    if (!begun.positive()) {
      refusal_ = begun;
      co_return told.value_or(begun);
    }
    if (!leg_->refuses_client() && !leg_->offer().dsn && asks_for_reports(recipient))
      co_return cannot_carry();
    auto answer = co_await leg_->rcpt(recipient);
    if (answer && leg_->usable()) {
      if (answer->positive()) accepted_.push_back(recipient);
      // Backends end sessions with many errors (Postfix behind 20): not on that connection.
      if (leg_->refusals() >= kMostRefusals) release();
      co_return for_client(std::move(*answer));
    }
    if (answer && !answer->positive()) told = for_client(std::move(*answer));
    const bool late = leg_->timed_out();
    lose();
    if (late) break;
  }
  // What was accepted before is said again at the end of the text.
  co_return told.value_or(unavailable());
}

asio::awaitable<Reply> Relay::deliver(std::string head, Spool& spool, TextShape shape,
                                      AnswerTime time) {
  time_ = time;
  Reply reply = co_await deliver_now(std::move(head), spool, shape);
  reset();
  co_return reply;
}

asio::awaitable<Reply> Relay::deliver_now(std::string head, Spool& spool, TextShape shape) {
  if (differs_) co_return differing();
  std::optional<Reply> told;
  for (int attempt = 0; attempt < kAttempts && !closed_; attempt++) {
    const Reply begun = co_await begin();
    if (!begun.positive()) co_return told.value_or(begun);
    const bool in_chunks = shape.framing == Framing::kChunks && leg_->offer().chunking;
    if (!in_chunks && !shape.ends_in_line) {
      // DATA would add a line end. The next EHLO will not offer CHUNKING.
      co_return make_reply(451, "4.3.0", "BDAT is not to be had any more; try again");
    }
    // Not in one expression: g++ 12 destroys the temporaries of both.
    std::optional<Reply> answer;
    if (in_chunks)
      answer = co_await leg_->send_chunk(head, spool);
    else
      answer = co_await leg_->send(head, spool);
    const bool lost = !leg_->usable();
    const bool nothing_sent = !leg_->text_begun();
    const bool late = leg_->timed_out();
    if (lost) lose();
    if (answer && (!lost || !nothing_sent || answer->code != 421))
      co_return for_client(std::move(*answer));
    if (answer) told = for_client(std::move(*answer));
    if (!nothing_sent || late) break;
  }
  co_return told.value_or(unavailable());
}

void Relay::reset() {
  open_ = false;
  differs_ = false;
  accepted_.clear();
  retry_ = {};
  refusal_.reset();
  time_ = {};
  if (leg_) leg_->keep_to(time_);
}

void Relay::release() {
  open_ = false;
  service_.farm.give_back(std::move(leg_));
}

void Relay::close() {
  closed_ = true;
  if (leg_) leg_->close();
}

}  // namespace postern::smtp
