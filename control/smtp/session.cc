// SPDX-License-Identifier: BSD-3-Clause
//
// Replies are written when all input has been worked through (RFC 2920 §3.2), and before anything
// that takes long.
#include "control/smtp/session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <variant>

#include "control/learning/rule_lesson.h"
#include "control/policy/conduct_refusals.h"
#include "control/policy/log_text.h"
#include "control/policy/rate_table.h"
#include "control/policy/source_of.h"
#include "control/smtp/command.h"

namespace postern::smtp {

namespace asio = boost::asio;
using policy::log_value;
using std::chrono::steady_clock;
using Outcome = ClientStream::Outcome;

namespace {

constexpr size_t kMaxWaitingOutput = 32768;
// Fewer octets of text within the stall time are no sign of life.
constexpr size_t kLiveText = 4096;

ServerOptions options_for(const Service& service) {
  ServerOptions options = service.options.server;
  options.starttls = service.tls != nullptr;
  return options;
}

}  // namespace

Session::Session(Service& service, asio::ip::tcp::socket socket, const SessionEnds& ends,
                 std::string id)
    : service_(service),
      stream_(std::move(socket)),
      ends_(ends),
      source_(policy::source_of(ends.client)),
      id_(std::move(id)),
      protocol_(options_for(service)),
      relay_(service),
      names_(stream_.executor(), service.judging),
      stall_(stream_.executor(), [this] { relay_.release(); }),
      begun_(steady_clock::now()) {}

asio::awaitable<void> Session::run() {
  if (!ends_.balancer) names_.begin(ends_.client);
  const bool greeted = co_await greet();
  if (greeted) co_await converse();
  end_transaction();
  relay_.release();
  // A whole session with mail that was taken, and without an offence: next time it need not wait.
  if (end_ == "quit" && accepted_ > 0 && offence_.empty() && protocol_.errors() == 0)
    service_.sources.known.remember(source_, std::time(nullptr));
  if (!cut_) co_await stream_.linger(service_.options.linger_time);
  stream_.close();
  log();
}

// False when the session is over already.
asio::awaitable<bool> Session::greet() {
  // Those who behaved before are not delayed again, and in an overload nobody is.
  const bool calm = service_.overload.state() == Overload::State::kCalm;
  const bool known = service_.sources.known.knows(source_, std::time(nullptr)) || is_exempt();
  const auto time = service_.options.greet_pause;
  if (time.count() > 0 && calm && !known) {
    const bool goes_on = co_await pause(time);
    if (!goes_on) co_return false;
  }
  if (!draining_) protocol_.greet();
  co_return true;
}

// Says half of the greeting, or nothing, and waits for those who do not wait.
asio::awaitable<bool> Session::pause(std::chrono::milliseconds time) {
  if (service_.options.greet_teaser) {
    protocol_.tease();
    const bool written = co_await flush();
    if (!written) co_return false;
  }
  waiting_for_client_ = true;
  const auto outcome = co_await stream_.wait_readable(time);
  waiting_for_client_ = false;
  if (outcome == Outcome::kLost) co_return draining_;
  if (outcome != Outcome::kDone) co_return true;
  const auto early = co_await stream_.read(service_.read_buffer, time);
  if (early.outcome != Outcome::kDone) co_return false;  // came and went
  const std::string_view words(service_.read_buffer.data(), early.count);
  helo_ = parse_command(words.substr(0, words.find_first_of("\r\n"))).command.name;
  note_offence(learning::Offence::kEarlyTalker, "spoke before the greeting", id_);
  // RFC 5321 §4.3.1: who does not wait for the greeting does not speak SMTP.
  end_ = "early-talker";
  protocol_.close(
      make_reply(554, "5.5.1", "you spoke before the greeting (RFC 5321 section 4.3.1)"), end_);
  co_await flush();
  co_return false;
}

asio::awaitable<void> Session::converse() {
  for (;;) {
    co_await work_through_input();
    if (cut_) co_return;
    watch_manners();
    if (draining_ && !protocol_.in_transaction())
      protocol_.close(make_reply(421, "4.3.2", "going down for a moment; come again"), "shutdown");
    const bool written = co_await flush();
    if (!written) co_return;
    if (protocol_.closed()) {
      co_await work_through_input();  // what it was closed for
      co_return;
    }
    const bool more = co_await read_more();
    if (!more) co_return;
  }
}

asio::awaitable<void> Session::work_through_input() {
  while (auto event = protocol_.next()) {
    if (!std::holds_alternative<TextEvent>(*event)) stall_until_.reset();
    // The visitor is no coroutine itself: it is gone before the one that it makes begins.
    auto work = std::visit([this](auto&& each) { return on(std::move(each)); }, std::move(*event));
    co_await std::move(work);
    if (protocol_.output_size() <= kMaxWaitingOutput) continue;
    const bool written = co_await flush();
    if (!written) co_return;
  }
}

asio::awaitable<bool> Session::flush() {
  if (!protocol_.output_waits()) co_return true;
  const std::string output = protocol_.take_output();
  // Who does not read his replies holds a backend no longer than who says nothing.
  if (const auto time = service_.options.farm.stall_time; relay_.holds_leg() && time.count() > 0)
    stall_.arm(time);
  const auto outcome =
      co_await stream_.write(output, service_.overload.patience(service_.options.command_time));
  stall_.disarm();
  if (outcome == Outcome::kDone) co_return true;
  // A part of it is lost, and with it which reply is to which command.
  if (outcome == Outcome::kTimeout) end_ = "timeout";
  cut_ = true;
  protocol_.close(make_reply(421, "4.4.2", "lost"), end_);
  protocol_.take_output();
  co_return false;
}

// Time runs from the first wait on, until a command or enough of the text has come: who sends one
// octet now and then holds a backend no longer than who sends none.
void Session::watch_for_stall() {
  const auto time = service_.options.farm.stall_time;
  if (!relay_.holds_leg() || time.count() == 0) {
    stall_until_.reset();
    return;
  }
  const auto now = steady_clock::now();
  if (!stall_until_ || text_since_ >= kLiveText) {
    stall_until_ = now + time;
    text_since_ = 0;
  }
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*stall_until_ - now);
  stall_.arm(std::max(left, std::chrono::milliseconds{1}));
}

// False when nothing more will come.
asio::awaitable<bool> Session::read_more() {
  const auto& options = service_.options;
  const bool text = protocol_.in_data();
  if (text != std::exchange(text_seen_, text) ||
      protocol_.lines() != std::exchange(lines_seen_, protocol_.lines()))
    patience_.end();
  if (!patience_.waiting())
    patience_.begin(steady_clock::now(),
                    service_.overload.patience(text ? options.text_time : options.command_time));
  const auto left = std::max(patience_.left(steady_clock::now()), std::chrono::milliseconds{0});
  protocol_.release_memory();
  waiting_for_client_ = true;
  watch_for_stall();
  const auto read = co_await stream_.read(service_.read_buffer, left);
  stall_.disarm();
  text_since_ += read.count;
  waiting_for_client_ = false;
  if (read.outcome == Outcome::kDone) {
    if (text) patience_.received(read.count);
    protocol_.receive(std::string_view(service_.read_buffer.data(), read.count));
    co_return true;
  }
  if (draining_ && !cut_ && !protocol_.in_transaction()) co_return true;  // interrupted: say 421
  if (read.outcome == Outcome::kTimeout) {
    end_ = "timeout";
    protocol_.close(make_reply(421, "4.4.2", "waited too long for you"), end_);
    co_await flush();
  }
  co_return false;
}

void Session::watch_manners() {
  if (const auto what = protocol_.spoke_out_of_turn(); !what.empty())
    note_offence(learning::Offence::kOutOfTurn, "did not wait after " + std::string(what), id_);
  const auto now = policy::rate_time();
  bool too_many = false;
  for (; errors_seen_ < protocol_.errors(); errors_seen_++)
    too_many |= !service_.sources.limits.take(policy::Limited::kErrors, source_, now);
  if (too_many && !is_exempt())
    protocol_.close(make_reply(421, "4.7.0", "too many errors from your address"), "errors");
}

asio::awaitable<void> Session::on(HelloEvent event) {
  end_transaction();
  helo_ = event.name;
  if (const auto* signature = service_.judging.policy->signature_in(event.name);
      signature && !is_exempt()) {
    end_by(*signature);
    co_return;
  }
  const auto pattern =
      service_.helo_patterns == nullptr ? std::nullopt : service_.helo_patterns->match(event.name);
  if (pattern) {
    note_offence(learning::Offence::kBotName, "said HELO " + event.name, id_);
    if (!is_exempt()) {
      const auto refusal = policy::refusal_of_bot_name(event.name);
      protocol_.answer(make_reply(refusal.code, refusal.enhanced, refusal.text));
      co_return;
    }
  }
  protocol_.answer_hello(service_.offer());
}

asio::awaitable<void> Session::on(StartTlsEvent) {
  end_transaction();
  relay_.release();
  helo_.clear();
  const bool written = co_await flush();
  if (!written) co_return;
  const auto outcome = co_await stream_.secure(
      service_.tls, service_.overload.patience(service_.options.command_time));
  if (outcome == Outcome::kDone) {
    protocol_.tls_established();
    co_return;
  }
  // Nothing can be said to somebody with whom no language was agreed upon.
  end_ = outcome == Outcome::kTimeout ? "timeout" : "tls-handshake";
  protocol_.close(make_reply(421, "4.7.0", "no TLS"), end_);
  protocol_.take_output();
}

asio::awaitable<void> Session::on(MailEvent event) {
  messages_++;
  if (wants_names()) {
    const bool written = co_await flush();
    if (!written) co_return;
    co_await names_.wait();
  }
  auto names = names_.names(protocol_.hello_name());
  relay_.client_is({.address = ends_.client,
                    .port = ends_.client_port,
                    .local = ends_.local,
                    .local_port = ends_.local_port,
                    .name = names.name,
                    .name_missing = names.name.empty() && !names.fault.empty(),
                    .helo = protocol_.hello_name(),
                    .extended = protocol_.extended(),
                    .id = id_});
  ClientFacts client{.address = ends_.client,
                     .port = ends_.client_port,
                     .helo = protocol_.hello_name(),
                     .extended = protocol_.extended(),
                     .tls = stream_.tls_description(),
                     .names = std::move(names),
                     .exempt = is_exempt()};
  transaction_.emplace(service_, relay_, std::move(client), std::move(event.sender),
                       id_ + "." + std::to_string(messages_));
  protocol_.answer(make_reply(250, "2.1.0", "sender noted"));
  co_return;
}

asio::awaitable<void> Session::on(DataEvent event) {
  protocol_.answer(transaction_->begin_text(event.framing));
  co_return;
}

asio::awaitable<void> Session::on(TextEvent event) {
  transaction_->text(event.bytes);
  co_return;
}

asio::awaitable<void> Session::on(EndOfDataEvent event) {
  if (event.refusal) {
    transaction_->refuse(*event.refusal);
  } else {
    const auto ended = steady_clock::now();
    // What waits, such as the answers to earlier chunks, does not wait for the farm.
    const bool written = co_await flush();
    if (!written) co_return;
    const Reply reply = co_await transaction_->finish(event.ends_in_line, ended);
    accepted_ += transaction_->speaks_well();
    if (transaction_->hit_trap() && !reply.transient())  // it would be one more each time
      note_offence(learning::Offence::kSpamtrap, "wrote to a spamtrap", transaction_->id());
    protocol_.answer(reply);
  }
  transaction_.reset();
}

asio::awaitable<void> Session::on(ResetEvent) {
  end_transaction();
  co_return;
}

asio::awaitable<void> Session::on(ClosedEvent event) {
  end_ = event.reason;
  for (const auto offence : {learning::Offence::kErrors, learning::Offence::kForeignProtocol})
    if (end_ == word(offence)) note_offence(offence, "ended by " + std::string(end_), id_);
  end_transaction();
  co_return;
}

void Session::end_transaction() {
  if (!transaction_) return;
  relay_.reset();
  transaction_.reset();
}

bool Session::is_exempt() const {
  if (service_.outbound != nullptr) return true;
  return smtp::is_exempt(service_.judging.policy->snapshot(), ends_, std::time(nullptr));
}

// Of the client, for the rules or for the farm; others take what there is.
bool Session::wants_names() const {
  const bool judged = service_.outbound == nullptr;
  return (judged && service_.judging.policy->looks_at_names()) ||
         std::ranges::any_of(service_.options.farm.backends, [](const Backend& backend) {
           return backend.hand_on == HandOn::kXclient || backend.hand_on == HandOn::kXforward;
         });
}

void Session::note_offence(learning::Offence offence, std::string_view what, std::string_view id) {
  if (!offence_.empty()) return;  // one per session, or three would be had at once
  offence_ = what;
  service_.sources.known.forget(source_);
  if (service_.evidence == nullptr || is_exempt()) return;
  learning::note_offence(*service_.evidence, *service_.learning, ends_.client, local_place(ends_),
                         offence, {std::time(nullptr), std::string(id), std::string(what)});
}

void Session::end_by(const Signature& signature) {
  offence_ = "signature " + signature.name;
  if (const int64_t now = std::time(nullptr); signature.learn.count() > 0 && service_.learning)
    service_.learning->learn(
        learning::lesson_of(signature, ends_.client, local_place(ends_), id_, helo_, now), now,
        signature.learn);
  cut_ = true;
  end_ = "signature";
  protocol_.close(make_reply(421, "4.7.0", "never sent"), end_);
  protocol_.take_output();
  if (signature.action == Action::RESET)
    stream_.abort();
  else
    stream_.close();
  relay_.close();
}

void Session::hurry() {
  if (!waiting_for_client_ || !patience_.waiting()) return;
  const auto now = steady_clock::now();
  const auto left = patience_.left(now);
  const auto most = service_.overload.patience(left);
  if (most >= left) return;
  patience_.begin(now, most);
  stream_.set_deadline(most);
}

void Session::drain() {
  draining_ = true;
  if (waiting_for_client_ && !protocol_.in_transaction()) stream_.interrupt();
}

void Session::cut() {
  cut_ = true;
  end_ = "cut";
  stream_.close();
  relay_.close();
  names_.cancel();
}

void Session::log() const {
  const std::string tls = stream_.tls_description();
  const std::chrono::duration<double> took = steady_clock::now() - begun_;
  spdlog::info(
      "session id={} client={} port={} {} helo={} tls={} messages={} end={} offence={} "
      "seconds={:.3f}",
      id_, ends_.client.to_string(), ends_.client_port, policy::names_text(names_.names(helo_)),
      helo_.empty() ? "-" : log_value(helo_), tls.empty() ? "-" : log_value(tls), messages_, end_,
      offence_.empty() ? "-" : log_value(offence_), took.count());
}

}  // namespace postern::smtp
