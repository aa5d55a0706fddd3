// SPDX-License-Identifier: BSD-3-Clause
//
// While a message is judged nothing is read: the mail server waits, and is told now and then that
// it is to wait longer.
#include "control/milter/session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <ctime>
#include <exception>
#include <type_traits>
#include <utility>
#include <variant>

#include "control/learning/trap_hit.h"
#include "control/policy/disposition_text.h"
#include "control/policy/log_text.h"
#include "control/policy/message_log.h"

namespace postern::milter {

namespace asio = boost::asio;
using boost::system::error_code;
using policy::log_value;
using std::chrono::steady_clock;

Session::Message::Message(policy::JudgeServices& judging, MailEvent event)
    : mail(std::move(event)),
      judge(judging),
      envelope(judging.splits, mail.sender),
      forged(judging.options.authserv_id),
      begun(steady_clock::now()) {}

Session::Session(Service& service, Socket socket, std::string id)
    : service_(service),
      socket_(std::move(socket)),
      id_(std::move(id)),
      names_(socket_.get_executor(), service.judging),
      begun_(steady_clock::now()) {}

asio::awaitable<void> Session::run() {
  for (;;) {
    const bool worked = co_await work_through_input();
    if (!worked) break;
    const bool written = co_await flush();
    if (!written || protocol_.closed()) break;
    if (draining_ && !protocol_.in_message()) {
      end_ = "shutdown";
      break;
    }
    const bool more = co_await read_more();
    if (!more) break;
  }
  error_code ignored;
  socket_.close(ignored);
  log();
}

// False when the mail server cannot be reached any more.
asio::awaitable<bool> Session::work_through_input() {
  while (auto event = protocol_.next()) {
    if (std::holds_alternative<EndOfMessageEvent>(*event)) {
      const bool answered = co_await end_message();
      if (!answered) co_return false;
      continue;
    }
    std::visit(
        [this](auto&& one) {
          using One = std::decay_t<decltype(one)>;
          if constexpr (!std::is_same_v<One, EndOfMessageEvent>) on(std::forward<One>(one));
        },
        std::move(*event));
  }
  co_return true;
}

asio::awaitable<bool> Session::flush() {
  using namespace asio::experimental::awaitable_operators;
  if (!protocol_.output_waits()) co_return true;
  const std::string output = protocol_.take_output();
  asio::steady_timer timer(socket_.get_executor(), service_.options.write_time);
  error_code error;
  const auto first =
      co_await (asio::async_write(socket_, asio::buffer(output),
                                  asio::redirect_error(asio::use_awaitable, error)) ||
                timer.async_wait(asio::use_awaitable));
  if (first.index() == 1) end_ = "timeout";
  co_return first.index() == 0 && !error;
}

// False when nothing more will come.
asio::awaitable<bool> Session::read_more() {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(socket_.get_executor(), service_.options.command_time);
  error_code error;
  waiting_for_server_ = true;
  const auto first =
      co_await (socket_.async_read_some(asio::buffer(buffer_),
                                        asio::redirect_error(asio::use_awaitable, error)) ||
                timer.async_wait(asio::use_awaitable));
  waiting_for_server_ = false;
  if (first.index() == 1) {
    end_ = "timeout";
    co_return false;
  }
  if (error) co_return false;
  protocol_.receive(std::string_view(buffer_.data(), std::get<0>(first)));
  co_return true;
}

void Session::on(const ConnectEvent& event) {
  part_from_client();
  clients_++;
  client_ = {.address = event.address,
             .port = event.port,
             .helo = {},
             .offended = false,
             .learned = false,
             .accepted = 0};
  if (event.address)
    names_.begin(*event.address);
  else
    names_.cancel();
}

void Session::on(const HeloEvent& event) {
  client_.helo = event.name;
  protocol_.answer(Verdict::kContinue);
}

void Session::on(MailEvent event) {
  if (draining_) {
    protocol_.answer(
        policy::Refusal{.code = 421, .enhanced = "4.3.2", .text = "going down for a moment"});
    return;
  }
  messages_++;
  message_.emplace(service_.judging, std::move(event));
  if (!protocol_.exact_fields()) message_->judge.header_is_guessed();
  if (service_.signing != nullptr && is_own_mail()) {
    message_->signer.emplace(*service_.signing);
    if (!protocol_.exact_fields()) message_->signer->header_is_guessed();
  }
  if (const auto refusal = refusal_of_helo()) {
    policy::Disposition passed_over;
    passed_over.action = policy::Action::kReject;
    passed_over.explanation = "a name in HELO that bots use";
    message_->queue_id = protocol_.queue_id();
    log_message(message_->judge.pass_over(session_facts(), message_->mail.sender, passed_over),
                one_line(*refusal));
    message_.reset();
    protocol_.answer(*refusal);
    return;
  }
  protocol_.answer(Verdict::kContinue);
}

void Session::on(RecipientEvent event) {
  const bool judged = !is_own_mail();
  if (const auto refusal = judged ? refusal_of_recipient(event.recipient) : std::nullopt) {
    protocol_.answer(*refusal);
    return;
  }
  message_->recipients++;
  const auto& is_trap = service_.judging.is_trap;
  // Others may refuse it yet; we do not hear of it.
  if (judged && is_trap && is_trap(event.recipient))
    message_->traps.push_back(std::move(event.recipient));
  else if (judged)
    message_->envelope.take(service_.judging.policy, std::move(event.recipient),
                            std::time(nullptr));
  protocol_.answer(Verdict::kContinue);
}

void Session::on(const HeaderEvent& event) {
  message_->size += event.field.size();
  message_->forged.add(event.name, event.field);
  message_->automatic |= learning::says_automatic(event.field);
  message_->judge.update(event.field);
  if (message_->signer) message_->signer->update(event.field);
}

void Session::on(const EndOfHeaderEvent&) {
  message_->size += 2;
  message_->judge.update("\r\n");
  if (message_->signer) message_->signer->update("\r\n");
  const bool judged = !is_own_mail() && message_->judge.wants_body();
  const bool is_signed = message_->signer && message_->signer->wants_body();
  if (!judged && !is_signed) protocol_.skip_body();
}

void Session::on(const BodyEvent& event) {
  message_->size += event.bytes.size();
  if (message_->signer)
    message_->signer->update(event.bytes);
  else
    message_->judge.update(event.bytes);
}

void Session::on(const AbortEvent&) {
  message_.reset();
}

void Session::on(const ClientGoneEvent&) {
  part_from_client();
  names_.cancel();
}

void Session::on(const ClosedEvent& event) {
  end_ = event.reason;
  if (end_ == "quit") part_from_client();
}

// False when the mail server cannot be reached any more.
asio::awaitable<bool> Session::end_message() {
  message_->queue_id = protocol_.queue_id();
  policy::Disposition passed_over;
  if (message_->forged.overflowed()) {
    const policy::Refusal refusal{
        .code = 550, .enhanced = "5.6.0", .text = "too many Authentication-Results fields"};
    passed_over.action = policy::Action::kReject;
    passed_over.explanation = refusal.text;
    refuse(message_->judge.pass_over(session_facts(), message_->mail.sender, passed_over), refusal);
  } else if (is_own_mail()) {
    let_own_mail_by();
  } else {
    const Judging judging = co_await judge();
    if (!judging.reachable) co_return false;
    if (judging.judgement) {
      const auto outcome = carry_out(*judging.judgement);
      // One that is put off comes again, and would be one more each time.
      if (judging.judgement->disposition.action != policy::Action::kDefer) note_trap_hit();
      // What the mail server does not hear of it does not do: that counts for nobody.
      const bool heard = co_await flush();
      if (!heard) co_return false;
      client_.accepted += outcome == reputation::Outcome::kAccepted;
      if (outcome) message_->judge.remember(*judging.judgement, *outcome);
    } else {
      protocol_.finish({}, Verdict::kTempFail);  // a fault of ours is not the sender's to pay for
    }
  }
  message_.reset();
  co_return true;
}

bool Session::is_own_mail() const {
  if (!message_->mail.authenticated.empty()) return true;
  return client_.address &&
         std::ranges::any_of(service_.options.own_networks,
                             [&](const Prefix& it) { return it.contains(*client_.address); });
}

void Session::let_own_mail_by() {
  policy::Disposition passed_over;
  passed_over.explanation = message_->mail.authenticated.empty()
                                ? "from a network of our own, not judged"
                                : "authenticated submission, not judged";
  auth::SigningResult made;
  if (message_->signer) {
    try {
      made = message_->signer->finish(std::time(nullptr));
    } catch (const std::exception& error) {
      spdlog::error("signing id={} error={}", message_id(), log_value(error.what()));
      protocol_.finish({}, Verdict::kTempFail);
      return;
    }
    std::string by;
    for (const auto& name : made.key_names) by += (by.empty() ? "" : ",") + name;
    spdlog::info("signing id={} queue={} author={} signed={} reason={}", message_id(),
                 message_->queue_id.empty() ? "-" : log_value(message_->queue_id),
                 made.author_domain.empty() ? "-" : made.author_domain, by.empty() ? "-" : by,
                 made.reason.empty() ? "-" : log_value(made.reason));
  }
  protocol_.finish(
      {.remove = message_->forged.places(), .insert = std::move(made.fields), .quarantine = {}},
      Verdict::kAccept);
  log_message(message_->judge.pass_over(session_facts(), message_->mail.sender, passed_over),
              "accepted");
}

asio::awaitable<Session::Judging> Session::judge() {
  Judging judging;
  bool done = false;
  asio::steady_timer wake(socket_.get_executor());
  asio::cancellation_signal cancel;
  const auto ended = [&](const std::exception_ptr& thrown, policy::Judgement judgement) {
    done = true;
    wake.cancel();
    if (!thrown) {
      judging.judgement = std::move(judgement);
      return;
    }
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& error) {
      if (judging.reachable)
        spdlog::error("message failed id={} error={}", message_id(), log_value(error.what()));
    }
  };
  asio::co_spawn(socket_.get_executor(), judge_when_named(),
                 asio::bind_cancellation_slot(cancel.slot(), ended));
  while (!done) {
    error_code woken;
    wake.expires_after(service_.options.progress_time);
    co_await wake.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    if (done || !judging.reachable) continue;
    protocol_.progress();
    judging.reachable = co_await flush();
    if (!judging.reachable) cancel.emit(asio::cancellation_type::terminal);
  }
  co_return judging;
}

asio::awaitable<policy::Judgement> Session::judge_when_named() {
  if (service_.judging.policy->looks_at_names()) co_await names_.wait();
  co_return co_await message_->judge.judge(session_facts(), message_->mail.sender,
                                           message_->envelope);
}

std::optional<reputation::Outcome> Session::carry_out(const policy::Judgement& judgement) {
  using policy::Action;
  switch (judgement.disposition.action) {
    case Action::kReject:
    case Action::kDefer: {
      const bool reject = judgement.disposition.action == Action::kReject;
      if (reject) message_->envelope.settle(judgement.policy, judgement.facts.now);
      learn(judgement.session, judgement.disposition);
      refuse(judgement, policy::refusal_of(judgement.disposition));
      return reject ? reputation::Outcome::kRejected : reputation::Outcome::kDeferred;
    }
    case Action::kAccept:
    case Action::kTag:
    case Action::kQuarantine:
      break;
  }
  // Nobody reads what a spamtrap gets.
  if (!message_->traps.empty() && message_->traps.size() == message_->recipients) {
    protocol_.finish({}, Verdict::kDiscard);
    log_message(judgement, "discarded");
    return std::nullopt;
  }
  // What the mail server or another filter makes of it after us we do not hear.
  const auto& options = service_.judging.options;
  const auto& disposition = judgement.disposition;
  const bool quarantine = disposition.action == Action::kQuarantine;
  const bool held = quarantine && protocol_.may_quarantine();
  message_->envelope.settle(judgement.policy, judgement.facts.now);
  Changes changes{.remove = message_->forged.places(),
                  .remove_recipients = message_->traps,
                  .insert = policy::result_fields(options.authserv_id, judgement.facts, disposition,
                                                  held ? nullptr : &options.quarantine),
                  .quarantine = {}};
  if (held) changes.quarantine = disposition.rule;
  protocol_.finish(changes, Verdict::kAccept);
  log_message(judgement, held ? "quarantined" : "accepted");
  if (message_->envelope.only_roles()) return std::nullopt;
  // What the mail server or another filter makes of it after us we do not hear.
  return quarantine ? reputation::Outcome::kDeferred : reputation::Outcome::kAccepted;
}

void Session::refuse(const policy::Judgement& judgement, const policy::Refusal& refusal) {
  protocol_.finish({}, refusal);
  log_message(judgement, policy::one_line(refusal));
}

policy::SessionFacts Session::session_facts() const {
  policy::SessionFacts session;
  session.client = client_.address;
  session.client_port = client_.port;
  session.helo = client_.helo;
  session.tls = !protocol_.tls_description().empty();
  session.names = names_.names(client_.helo);
  return session;
}

std::string Session::message_id() const {
  return id_ + '.' + std::to_string(messages_);
}

void Session::log_message(const policy::Judgement& judgement, std::string_view reply) const {
  const std::string id = message_id();
  const std::string tls = protocol_.tls_description();
  policy::log_message(judgement, {.id = id,
                                  .queue = message_->queue_id,
                                  .tls = tls,
                                  .recipients = message_->recipients - message_->traps.size(),
                                  .traps = message_->traps.size(),
                                  .size = message_->size,
                                  .removed = message_->forged.places().size(),
                                  .reply = reply,
                                  .took = steady_clock::now() - message_->begun});
}

void Session::drain() {
  draining_ = true;
  if (!waiting_for_server_ || protocol_.in_message()) return;
  end_ = "shutdown";
  error_code ignored;
  socket_.close(ignored);
}

void Session::cut() {
  end_ = "cut";
  error_code ignored;
  socket_.close(ignored);
}

void Session::log() const {
  const std::chrono::duration<double> took = steady_clock::now() - begun_;
  spdlog::info("milter id={} clients={} messages={} end={} seconds={:.3f}", id_, clients_,
               messages_, log_value(end_), took.count());
}

}  // namespace postern::milter
