// SPDX-License-Identifier: BSD-3-Clause
//
// The order of the fields that we add: Received on top, as every relay does, then the results that
// belong to it, then the tag.
#include "control/smtp/transaction.h"

#include <ctime>
#include <utility>

#include "control/auth/authentication_results.h"
#include "control/learning/rule_lesson.h"
#include "control/learning/trap_hit.h"
#include "control/policy/disposition_text.h"
#include "control/policy/message_log.h"
#include "control/smtp/received_field.h"

namespace postern::smtp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {

Reply refusal_for(const policy::Disposition& disposition) {
  const auto refusal = policy::refusal_of(disposition);
  return make_reply(refusal.code, refusal.enhanced, refusal.text);
}

}  // namespace

Transaction::Transaction(Service& service, Relay& relay, ClientFacts client, Sender sender,
                         std::string id)
    : service_(service),
      relay_(relay),
      client_(std::move(client)),
      sender_(service.outbound == nullptr
                  ? std::move(sender)
                  : service.outbound->tagged(std::move(sender), std::time(nullptr))),
      id_(std::move(id)),
      envelope_(service.judging.splits, sender_.address),
      judge_(service.judging),
      filter_([this, &service](std::string_view field) {
        automatic_ |= learning::says_automatic(field);
        return auth::claims_our_results(field, service.judging.options.authserv_id);
      }),
      spool_(service.spool_space),
      begun_(steady_clock::now()) {
  if (service.outbound != nullptr && service.outbound->signing != nullptr)
    signer_.emplace(*service.outbound->signing);
}

std::optional<Reply> Transaction::refuse_recipient(std::string_view recipient) {
  if (service_.outbound != nullptr) return std::nullopt;  // nobody's rules are about strangers
  const auto refused =
      envelope_.ask(service_.judging.policy, session_facts(), recipient, std::time(nullptr));
  if (!refused) return std::nullopt;
  learn(session_facts(), refused->disposition);
  const auto& [code, enhanced, text] = refused->refusal;
  Reply reply = make_reply(code, enhanced, text);
  const std::string words = reply.one_line();
  policy::log_recipient(refused->disposition, {.id = id_,
                                               .client = client_.address,
                                               .mail_from = sender_.address,
                                               .recipient = recipient,
                                               .reply = words});
  return reply;
}

asio::awaitable<Reply> Transaction::recipient(Recipient recipient) {
  Reply reply = co_await relay_.recipient(sender_, recipient);
  if (reply.positive())
    envelope_.take(service_.judging.policy, std::move(recipient.address), std::time(nullptr));
  co_return reply;
}

Reply Transaction::trap() {
  traps_++;
  return make_reply(250, "2.1.5", "Ok");
}

bool Transaction::hit_trap() const noexcept {
  return traps_ > 0 && learning::trap_hit_counts(sender_.address, automatic_);
}

Reply Transaction::begin_text(Framing framing) {
  shape_.framing = framing;
  if (service_.spool_space.full()) return make_reply(452, "4.3.1", "no room; try again later");
  return make_reply(354, "", "go ahead, end with CRLF.CRLF");
}

void Transaction::text(std::string_view bytes) {
  if (spool_.failed()) return;
  if (service_.outbound == nullptr) judge_.update(bytes);
  std::string kept;
  filter_.update(bytes, kept);
  if (signer_) signer_->update(kept);
  spool_.append(kept);
}

void Transaction::refuse(const Reply& refusal) {
  relay_.reset();
  policy::Disposition disposition;
  disposition.action = refusal.permanent() ? policy::Action::kReject : policy::Action::kDefer;
  disposition.explanation = "the text cannot be taken";
  log(judge_.pass_over(session_facts(), sender_.address, std::move(disposition)), refusal);
}

asio::awaitable<Reply> Transaction::finish(bool ends_in_line, steady_clock::time_point ended) {
  time_ = AnswerTime::from(ended, service_.options.farm.final_time);
  shape_.ends_in_line = ends_in_line;
  std::string kept;
  filter_.finish(kept);
  if (signer_) signer_->update(kept);
  spool_.append(kept);
  if (!filter_.fault().empty()) {
    const Reply broken =
        make_reply(550, "5.6.0", std::string(filter_.fault()) + " (RFC 5322 section 2.2)");
    refuse(broken);
    co_return broken;
  }
  if (filter_.received_count() > service_.options.max_hops) {
    const Reply loop = make_reply(
        554, "5.4.6",
        "more than " + std::to_string(service_.options.max_hops) + " Received fields: a loop");
    refuse(loop);
    co_return loop;
  }
  if (spool_.failed()) {
    const Reply full = make_reply(452, "4.3.1", "no room; try again later");
    refuse(full);
    co_return full;
  }
  if (service_.outbound != nullptr) {
    const Reply sent = co_await send_out();
    co_return sent;
  }
  const policy::Judgement judgement =
      co_await judge_.judge(session_facts(), sender_.address, envelope_, time_.send_by);
  Reply reply = co_await carry_out(judgement);
  if (!reply.transient()) envelope_.settle(judgement.policy, judgement.facts.now);
  remember(judgement, reply);
  learn(judgement.session, judgement.disposition);
  log(judgement, reply);
  co_return reply;
}

policy::SessionFacts Transaction::session_facts() const {
  policy::SessionFacts session;
  session.client = client_.address;
  session.client_port = client_.port;
  session.helo = client_.helo;
  session.tls = !client_.tls.empty();
  session.names = client_.names;
  return session;
}

asio::awaitable<Reply> Transaction::carry_out(const policy::Judgement& judgement) {
  switch (judgement.disposition.action) {
    case policy::Action::kReject:
    case policy::Action::kDefer:
      relay_.reset();
      co_return refusal_for(judgement.disposition);
    case policy::Action::kAccept:
    case policy::Action::kTag:
    case policy::Action::kQuarantine:
      break;
  }
  // The one exception to 250 only after the farm's: nobody reads what a spamtrap gets.
  if (only_traps()) co_return make_reply(250, "2.0.0", "Ok");
  co_return co_await relay_.deliver(new_fields(judgement), spool_, shape_, time_);
}

std::string Transaction::received_field(int64_t now) const {
  const auto& recipients = envelope_.recipients();
  const ReceivedFacts received{.helo = client_.helo,
                               .client = client_.address,
                               .name = client_.names.name,
                               .by = service_.options.server.name,
                               .extended = client_.extended,
                               .tls = client_.tls,
                               .utf8 = sender_.utf8,
                               .id = id_,
                               .recipient = recipients.size() == 1
                                                ? std::string_view(recipients.front())
                                                : std::string_view(),
                               .now = now};
  return write_received(received);
}

std::string Transaction::new_fields(const policy::Judgement& judgement) const {
  const auto& options = service_.judging.options;
  return received_field(judgement.facts.now) +
         policy::result_fields(options.authserv_id, judgement.facts, judgement.disposition,
                               &options.quarantine);
}

void Transaction::remember(const policy::Judgement& judgement, const Reply& reply) {
  using reputation::Outcome;
  // What is thrown away is no sign that anybody wanted it.
  if (reply.positive() && only_traps()) return;
  const bool held = judgement.disposition.action == policy::Action::kQuarantine;
  speaks_well_ = reply.positive() && !held && !envelope_.only_roles();
  if (envelope_.only_roles()) return;
  auto outcome = Outcome::kDeferred;
  if (reply.positive() && !held)
    outcome = Outcome::kAccepted;
  else if (judgement.disposition.action == policy::Action::kReject || reply.permanent())
    outcome = Outcome::kRejected;
  judge_.remember(judgement, outcome);
}

void Transaction::learn(const policy::SessionFacts& session,
                        const policy::Disposition& disposition) {
  auto* const learning = service_.learning;
  if (learning == nullptr || client_.exempt || learned_) return;
  const int64_t now = std::time(nullptr);
  auto lesson = learning::lesson_of(session, disposition, id_, now);
  if (!lesson) return;
  learned_ = true;
  learning->learn(std::move(*lesson), now, disposition.learn);
}

void Transaction::log(const policy::Judgement& judgement, const Reply& reply) const {
  const std::string words = reply.one_line();
  policy::log_message(judgement, {.id = id_,
                                  .queue = {},
                                  .tls = client_.tls,
                                  .recipients = envelope_.recipients().size(),
                                  .traps = traps_,
                                  .size = spool_.size(),
                                  .removed = filter_.removed_count(),
                                  .reply = words,
                                  .took = steady_clock::now() - begun_});
}

}  // namespace postern::smtp
