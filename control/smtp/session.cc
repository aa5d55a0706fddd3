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

#include "control/policy/log_text.h"
#include "control/policy/role_address.h"
#include "control/smtp/command.h"
#include "control/smtp/recipient_check.h"
#include "control/smtp/teacher.h"

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
      source_(policy::EvidenceTable::source_of(ends.client)),
      id_(std::move(id)),
      protocol_(options_for(service)),
      relay_(service),
      stall_(stream_.executor(), [this] { relay_.release(); }),
      begun_(steady_clock::now()) {}

asio::awaitable<void> Session::run() {
  const bool greeted = co_await greet();
  if (greeted) co_await converse();
  end_transaction();
  co_await relay_.end();
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
  note_offence("spoke before the greeting");
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
    // A coroutine of its own for each kind; visited by hand, as lambdas that are coroutines must
    // outlive themselves.
    switch (event->index()) {
      case 0:
        co_await on(std::get<0>(std::move(*event)));
        break;
      case 1:
        co_await on(std::get<1>(std::move(*event)));
        break;
      case 2:
        co_await on(std::get<2>(std::move(*event)));
        break;
      case 3:
        co_await on(std::get<3>(std::move(*event)));
        break;
      case 4:
        co_await on(std::get<4>(std::move(*event)));
        break;
      case 5:
        co_await on(std::get<5>(std::move(*event)));
        break;
      case 6:
        co_await on(std::get<6>(std::move(*event)));
        break;
      case 7:
        co_await on(std::get<7>(std::move(*event)));
        break;
      case 8:
        co_await on(std::get<8>(std::move(*event)));
        break;
    }
    static_assert(std::variant_size_v<Event> == 9);
    if (protocol_.output_size() <= kMaxWaitingOutput) continue;
    const bool written = co_await flush();
    if (!written) co_return;
  }
}

asio::awaitable<bool> Session::flush() {
  if (!protocol_.output_waits()) co_return true;
  const std::string output = protocol_.take_output();
  const auto outcome =
      co_await stream_.write(output, service_.overload.patience(service_.options.command_time));
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
    note_offence("did not wait after " + std::string(what));
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch())
          .count();
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
    note_offence("said HELO " + event.name);
    if (!is_exempt()) {
      protocol_.answer(
          make_reply(550, "5.7.1",
                     "refused: the name " + event.name +
                         " is one that bots use; write to postmaster if you are none"));
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
  relay_.client_is({.address = ends_.client,
                    .port = ends_.client_port,
                    .local = ends_.local,
                    .local_port = ends_.local_port,
                    .name = {},
                    .helo = protocol_.hello_name(),
                    .extended = protocol_.extended(),
                    .id = id_});
  ClientFacts client{.address = ends_.client,
                     .port = ends_.client_port,
                     .helo = protocol_.hello_name(),
                     .extended = protocol_.extended(),
                     .tls = stream_.tls_description()};
  transaction_.emplace(service_, relay_, std::move(client), std::move(event.sender),
                       id_ + "." + std::to_string(messages_));
  protocol_.answer(make_reply(250, "2.1.0", "sender noted"));
  co_return;
}

asio::awaitable<void> Session::on(RecipientEvent event) {
  const bool written = co_await flush();
  if (!written) co_return;
  if (const auto limited = limit_recipients(event.recipient.address)) {
    protocol_.answer(*limited);
    co_return;
  }
  auto* const backscatter = service_.backscatter;
  if (backscatter != nullptr) {
    const auto refusal = backscatter->admit(mail_for_backscatter(), event.recipient.address);
    if (refusal) {
      protocol_.answer(*refusal);
      co_return;
    }
  }
  if (const auto refused = transaction_->refuse_recipient(event.recipient.address)) {
    protocol_.answer(*refused);
    co_return;
  }
  if (service_.recipients != nullptr) {
    // Reports of failure go to whoever was forged, and a server that sends good mail may have an
    // old list: neither tries out addresses.
    const bool may_learn = !transaction_->sender().empty() && !is_exempt() &&
                           !service_.sources.known.knows(source_, std::time(nullptr));
    const auto refusal =
        co_await service_.recipients->check(event.recipient.address, ends_.client, may_learn);
    if (refusal) {
      protocol_.answer(*refusal);
      co_return;
    }
  }
  if (backscatter != nullptr) {
    const auto held = backscatter->limit(mail_for_backscatter(), event.recipient.address);
    if (held) {
      protocol_.answer(*held);
      co_return;
    }
  }
  if (const auto held = greylist(event.recipient.address)) {
    protocol_.answer(*held);
    co_return;
  }
  const Reply reply = co_await transaction_->recipient(std::move(event.recipient));
  protocol_.answer(reply);
}

std::optional<Reply> Session::limit_recipients(std::string_view recipient) {
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch())
          .count();
  const auto thing = policy::is_role_address(recipient) ? policy::Limited::kRoleRecipients
                                                        : policy::Limited::kRecipients;
  if (service_.sources.limits.take(thing, source_, now) || is_exempt()) return std::nullopt;
  return make_reply(450, "4.7.1", "too many recipients from your address; try again later");
}

Backscatter::Mail Session::mail_for_backscatter() const {
  const auto uptime =
      std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now().time_since_epoch());
  return {.sender = transaction_->sender(),
          .source = source_,
          .exempt = is_exempt(),
          .now = std::time(nullptr),
          .uptime = uptime.count()};
}

std::optional<Reply> Session::greylist(std::string_view recipient) {
  auto& sources = service_.sources;
  const int64_t now = std::time(nullptr);
  if (!sources.greylist.enabled() || policy::is_role_address(recipient) ||
      sources.known.knows(source_, now) || is_exempt())
    return std::nullopt;
  const auto wait = sources.greylist.ask(ends_.client, transaction_->sender(), recipient, now);
  if (!wait) return std::nullopt;
  return make_reply(
      450, "4.7.1",
      "your network is new here (greylisted); try again in " + std::to_string(*wait) + " seconds");
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
    // What waits, such as the answers to earlier chunks, does not wait for the farm.
    const bool written = co_await flush();
    if (!written) co_return;
    const Reply reply = co_await transaction_->finish(event.ends_in_line);
    accepted_ += transaction_->speaks_well();
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
  for (const std::string_view offence : {"errors", "foreign-protocol"})
    if (end_ == offence) note_offence("ended by " + std::string(offence));
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

void Session::note_offence(std::string_view what) {
  if (!offence_.empty()) return;  // one per session, or three would be had at once
  offence_ = what;
  service_.sources.known.forget(source_);
  if (service_.evidence == nullptr || is_exempt()) return;
  const int64_t now = std::time(nullptr);
  const auto finding = service_.evidence->note(ends_.client, what, now);
  if (finding && service_.teacher != nullptr) service_.teacher->teach(*finding, now);
}

void Session::end_by(const Signature& signature) {
  offence_ = "signature " + signature.name;
  if (signature.learn.count() > 0 && service_.teacher != nullptr)
    service_.teacher->teach({source_, offence_}, std::time(nullptr), signature.learn);
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
}

void Session::log() const {
  const std::string tls = stream_.tls_description();
  const std::chrono::duration<double> took = steady_clock::now() - begun_;
  spdlog::info(
      "session id={} client={} port={} helo={} tls={} messages={} end={} offence={} seconds={:.3f}",
      id_, ends_.client.to_string(), ends_.client_port, helo_.empty() ? "-" : log_value(helo_),
      tls.empty() ? "-" : log_value(tls), messages_, end_,
      offence_.empty() ? "-" : log_value(offence_), took.count());
}

}  // namespace postern::smtp
