// SPDX-License-Identifier: BSD-3-Clause
//
// Commands go one at a time: each answer is handed to the client before the next command is known.
#include "control/smtp/farm_leg.h"

#include <algorithm>
#include <array>
#include <utility>

#include "control/smtp/data_reader.h"
#include "control/smtp/proxy_header.h"

namespace postern::smtp {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr size_t kWriteBytes = 65536;
constexpr std::chrono::milliseconds kQuitTime{2000};
// After the farm stopped taking text: the reason why may be on its way.
constexpr std::chrono::milliseconds kLastWordTime{1000};

}  // namespace

FarmLeg::FarmLeg(const asio::any_io_executor& executor, const FarmOptions& options,
                 const Backend& backend, size_t member, FarmTls& tls, TlsSessionSlot& session)
    : options_(options),
      backend_(backend),
      member_(member),
      tls_(tls),
      tls_session_(session),
      stream_(executor),
      session_(options.own_name) {}

void FarmLeg::close() {
  given_up_ = true;
  usable_ = false;
  stream_.close();
}

void FarmLeg::fail(std::string why) {
  usable_ = false;
  error_ = std::move(why);
  stream_.close();
}

asio::awaitable<bool> FarmLeg::open(const ForwardedClient* client) {
  const auto time = within(options_.connect_time);
  const bool shortened = short_;
  const auto until = steady_clock::now() + time;
  const auto endpoints = co_await stream_.resolve(backend_.host, backend_.port, time);
  if (endpoints.empty()) fail(stream_.error());
  for (size_t i = 0; i < endpoints.size() && !given_up_; i++) {
    // Each gets its share of the time, or one that swallows everything would be the only one.
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    if (left.count() <= 0) break;
    const auto share =
        std::max(left / static_cast<milliseconds::rep>(endpoints.size() - i), milliseconds{1});
    bool opened = co_await open_at(endpoints[i], share, client, backend_.tls != TlsUse::kNone);
    if (opened) co_return true;
    if (!tls_failed_ || backend_.tls != TlsUse::kMay || given_up_) continue;
    opened = co_await open_at(endpoints[i], share, client, false);
    if (opened) co_return true;
  }
  short_ |= shortened;
  co_return false;
}

asio::awaitable<bool> FarmLeg::open_at(asio::ip::tcp::endpoint endpoint, milliseconds time,
                                       const ForwardedClient* client, bool with_tls) {
  session_ = FarmSession(options_.own_name);
  client_.reset();
  client_refusal_.reset();
  general_offer_.reset();
  tls_failed_ = false;
  transaction_open_ = false;
  refusals_ = 0;
  const bool connected = co_await stream_.connect(endpoint, within(time));
  if (!connected) {
    fail(stream_.error());
    co_return false;
  }
  usable_ = true;
  opening_ = true;
  if (backend_.hand_on == HandOn::kProxy) {
    std::optional<ProxyEndpoints> told;
    if (client != nullptr) {
      client_ = *client;
      told = ProxyEndpoints{.source = client->address,
                            .destination = client->local,
                            .source_port = client->port,
                            .destination_port = client->local_port};
    }
    const bool written = co_await write(write_proxy_header(told), within(time));
    if (!written) {
      fail(error_);
      co_return false;
    }
  }
  const auto greeting = co_await reply(within(reply_time()));
  if (client_ && refuses_client(greeting)) {
    opening_ = false;
    co_return true;
  }
  if (greeting && !greeting->positive()) fail("it said " + greeting->one_line());
  bool ready = co_await say_hello();
  if (ready && with_tls && !client_refusal_) ready = co_await start_tls(time);
  if (ready && backend_.hand_on == HandOn::kXclient && write_xclient({}, offer().xclient).empty())
    fail("it does not offer XCLIENT ADDR to us");
  if (usable_ && backend_.hand_on == HandOn::kXforward &&
      !offer().xforward.has(ForwardAttribute::kAddr))
    fail("it does not offer XFORWARD ADDR to us");
  opening_ = false;
  if (usable_ && !client_) general_offer_ = offer();
  co_return usable_;
}

asio::awaitable<bool> FarmLeg::say_hello() {
  // A backend that takes the session for the client's own judges its name, too.
  const bool as_client = client_ && backend_.hand_on != HandOn::kXforward;
  const std::string name = as_client ? client_->helo : std::string();
  auto answer = co_await command(session_.ehlo(name));
  if (client_ && refuses_client(answer)) co_return true;
  if (answer && answer->permanent()) answer = co_await command(session_.helo(name));
  if (client_ && refuses_client(answer)) co_return true;
  if (answer && !answer->positive()) fail("it said " + answer->one_line());
  co_return usable_;
}

asio::awaitable<bool> FarmLeg::start_tls(milliseconds time) {
  if (!offer().starttls) {
    if (backend_.tls == TlsUse::kMay) co_return true;
    fail("it does not offer STARTTLS");
    co_return false;
  }
  const auto answer = co_await command(session_.starttls());
  if (session_.broken()) fail("it spoke in plain behind its answer to STARTTLS");
  if (!answer || !usable_) {
    tls_failed_ = true;
    co_return false;
  }
  if (!answer->positive()) {
    if (backend_.tls != TlsUse::kMay) fail("it answered STARTTLS with " + answer->one_line());
    co_return usable_;
  }
  const bool secured = co_await stream_.secure(tls_, backend_, tls_session_, within(time));
  if (!secured) {
    tls_failed_ = true;
    fail("TLS: " + stream_.error());
    co_return false;
  }
  session_.secured();
  co_return co_await say_hello();
}

// Of a backend that does not even greet others are tried before the client loses patience.
milliseconds FarmLeg::reply_time() const {
  return opening_ ? std::min(options_.reply_time, options_.connect_time) : options_.reply_time;
}

// As much of a time as is left before the text has to be there.
milliseconds FarmLeg::within(milliseconds time) {
  const auto left =
      std::chrono::duration_cast<milliseconds>(time_.send_by - AnswerTime::Clock::now());
  short_ = left < time / AnswerTime::kParts;
  return std::max(std::min(left, time), milliseconds{1});
}

bool FarmLeg::refuses_client(const std::optional<Reply>& answer) {
  // 421 and 5xx of other kinds are about the session or the command, and would bounce mail that is
  // fine wherever a backend is set up wrongly.
  if (!answer || !usable_ || answer->code == 421) return false;
  if (!answer->transient() && answer->code != 550 && answer->code != 554) return false;
  client_refusal_ = answer;
  return true;
}

asio::awaitable<bool> FarmLeg::introduce(const ForwardedClient& client) {
  switch (backend_.hand_on) {
    case HandOn::kNothing:
    case HandOn::kProxy:  // it was said at the beginning
      co_return usable_;
    case HandOn::kXforward:
      client_ = client;
      co_return usable_;
    case HandOn::kXclient:
      break;
  }
  if (client_ == client) co_return usable_;
  client_ = client;
  client_refusal_.reset();
  const auto answer = co_await command(session_.xclient(write_xclient(client, offer().xclient)));
  if (refuses_client(answer)) co_return true;
  if (answer && !answer->positive()) fail("it answered XCLIENT with " + answer->one_line());
  if (!usable_) co_return false;
  co_return co_await say_hello();
}

asio::awaitable<std::optional<Reply>> FarmLeg::mail(const Sender& sender) {
  messages_++;
  text_begun_ = false;
  if (client_refusal_) co_return client_refusal_;
  if (backend_.hand_on == HandOn::kXforward && client_) {
    for (const auto& line : write_xforward(*client_, offer().xforward)) {
      const auto answer = co_await command(session_.xforward(line));
      // The client has no part in it, so it is no answer to him.
      if (answer && !answer->positive()) fail("it answered XFORWARD with " + answer->one_line());
      if (!usable_) co_return std::nullopt;
    }
  }
  auto answer = co_await command(session_.mail(sender));
  if (answer && answer->positive()) transaction_open_ = true;
  co_return answer;
}

asio::awaitable<std::optional<Reply>> FarmLeg::rcpt(const Recipient& recipient) {
  co_return co_await command(session_.rcpt(recipient));
}

asio::awaitable<bool> FarmLeg::clean() {
  if (!transaction_open_) co_return usable_;
  const auto done = co_await command(session_.rset());
  if (done && !done->positive()) fail("it answered RSET with " + done->one_line());
  transaction_open_ = false;
  co_return usable_;
}

asio::awaitable<std::optional<Reply>> FarmLeg::send(std::string head, Spool& spool) {
  auto answer = co_await command(session_.data());
  if (answer && answer->positive()) {
    // It must not be taken for the answer to the message.
    fail("it answered DATA with " + answer->one_line());
    co_return std::nullopt;
  }
  if (!answer || answer->code != 354) co_return answer;
  text_begun_ = true;
  DotStuffer stuffer;
  std::string wire;
  stuffer.update(head, wire);
  const auto stuff = [&stuffer](std::string_view bytes, std::string& into) {
    stuffer.update(bytes, into);
  };
  const auto finish = [&stuffer](std::string& into) { stuffer.finish(into); };
  const bool taken = co_await write_text(std::move(wire), spool, stuff, finish);
  co_return co_await answer_to_text(taken);
}

asio::awaitable<std::optional<Reply>> FarmLeg::send_chunk(std::string head, Spool& spool) {
  if (!usable_) co_return std::nullopt;
  const uint64_t octets = head.size() + spool.size();
  std::string wire = session_.bdat_last(octets) + head;
  if (session_.broken()) {
    fail("it spoke out of turn");
    co_return std::nullopt;
  }
  text_begun_ = true;
  const auto copy = [](std::string_view bytes, std::string& into) { into += bytes; };
  const auto nothing = [](std::string&) {};
  const bool taken = co_await write_text(std::move(wire), spool, copy, nothing);
  co_return co_await answer_to_text(taken);
}

// `wire`, then the spool from its beginning as `encode` appends it, then what `finish` does. False
// when the connection failed, the spool could not be read, or the backend did not wait for the end:
// error_ says which, and not all of it was sent.
template <typename Encode, typename Finish>
asio::awaitable<bool> FarmLeg::write_text(std::string wire, Spool& spool, Encode encode,
                                          Finish finish) {
  spool.rewind();
  for (auto piece = spool.read(); !piece.empty(); piece = spool.read()) {
    // The last piece waits for the look at the connection below.
    if (wire.size() >= kWriteBytes) {
      const bool taken = co_await write(wire, within(options_.block_time));
      if (!taken) co_return false;
      wire.clear();
    }
    encode(piece, wire);
  }
  if (spool.failed()) {
    fail("the spool file could not be read back");
    co_return false;
  }
  finish(wire);
  if (time_.too_late_to_send()) {
    short_ = true;
    fail("no time would be left for its answer");
    co_return false;
  }
  // What is there before the last octet has gone is no answer to the message.
  if (!stream_.quiet()) {
    error_ = "it did not wait for the end of the text";
    co_return false;
  }
  co_return co_await write(wire, within(options_.block_time));
}

// taken: every octet of the message was.
asio::awaitable<std::optional<Reply>> FarmLeg::answer_to_text(bool taken) {
  session_.text_sent();
  if (taken) {
    const auto left =
        std::chrono::duration_cast<milliseconds>(time_.answer_by - steady_clock::now());
    short_ = false;  // a third of it, at least
    auto answer = co_await reply(std::min(left, options_.final_time));
    took_text_ = answer.has_value();
    if (answer && answer->positive()) transaction_open_ = false;
    co_return answer;
  }
  if (time_.too_late_to_send()) {
    fail(error_);
    co_return std::nullopt;
  }
  const std::string why = error_;
  // A farm that has had enough says so and closes; only a refusal can be believed here.
  usable_ = stream_.is_open();
  const auto answer = co_await reply(kLastWordTime);
  fail(why);
  if (answer && !answer->positive()) co_return answer;
  co_return std::nullopt;
}

asio::awaitable<void> FarmLeg::quit() {
  if (usable_) {
    const bool written = co_await write(session_.quit(), kQuitTime);
    if (written) {
      const auto farewell = co_await reply(kQuitTime);
      static_cast<void>(farewell);
    }
  }
  close();
}

asio::awaitable<std::optional<Reply>> FarmLeg::command(std::string bytes) {
  if (!usable_) co_return std::nullopt;
  if (session_.broken()) {
    fail("it spoke out of turn");
    co_return std::nullopt;
  }
  const bool written = co_await write(bytes, within(reply_time()));
  if (!written) {
    fail(error_);
    co_return std::nullopt;
  }
  co_return co_await reply(within(reply_time()));
}

asio::awaitable<bool> FarmLeg::write(std::string_view bytes, milliseconds time) {
  const bool written = co_await stream_.write(bytes, time);
  if (written) co_return true;
  usable_ = false;
  error_ = stream_.error();
  co_return false;
}

asio::awaitable<std::optional<Reply>> FarmLeg::reply(milliseconds time) {
  if (!usable_) co_return std::nullopt;
  std::array<char, 4096> buffer;
  const auto until = steady_clock::now() + time;
  for (;;) {
    auto answer = session_.next_reply();
    if (session_.broken()) {
      dismissed_ = session_.dismissed();
      fail(dismissed_ ? "it ended the session" : "what it says is not SMTP");
    }
    if (answer) {
      if (answer->code != 421) answered_ = true;
      dismissed_ |= answer->code == 421 && !opening_;
      if (!answer->positive() && !answer->intermediate()) refusals_++;
      if (answer->code == 421) fail("it said " + answer->one_line());
    }
    if (answer || !usable_) co_return answer;
    const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
    const size_t count = co_await stream_.read(buffer, std::max(left, milliseconds{1}));
    if (count == 0) {
      fail(stream_.error());
      co_return std::nullopt;
    }
    session_.receive(std::string_view(buffer.data(), count));
  }
}

}  // namespace postern::smtp
