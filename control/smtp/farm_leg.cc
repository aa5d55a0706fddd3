// SPDX-License-Identifier: BSD-3-Clause
//
// Commands go one at a time: each answer is handed to the client before the next command is known.
#include "control/smtp/farm_leg.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "control/smtp/data_reader.h"

namespace postern::smtp {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr size_t kWriteBytes = 65536;
constexpr std::chrono::milliseconds kQuitTime{2000};
// After the farm stopped taking text: the reason why may be on its way.
constexpr std::chrono::milliseconds kLastWordTime{1000};

}  // namespace

FarmLeg::FarmLeg(const asio::any_io_executor& executor, const FarmOptions& options)
    : options_(options),
      resolver_(executor),
      socket_(executor),
      deadline_(executor,
                [this] {
                  resolver_.cancel();
                  close();
                }),
      session_(options.own_name) {}

void FarmLeg::close() {
  error_code ignored;
  socket_.close(ignored);
}

void FarmLeg::fail(std::string why) {
  usable_ = false;
  error_ = std::move(why);
  close();
}

asio::awaitable<bool> FarmLeg::open() {
  error_code error;
  deadline_.arm(options_.connect_time);
  const auto addresses = co_await resolver_.async_resolve(
      options_.host, options_.port, asio::redirect_error(asio::use_awaitable, error));
  if (!error)
    co_await asio::async_connect(socket_, addresses,
                                 asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  if (error) {
    fail(deadline_.expired() ? "connecting took too long" : error.message());
    co_return false;
  }
  socket_.set_option(asio::ip::tcp::no_delay(true), error);
  usable_ = true;
  auto answer = co_await reply(options_.reply_time);
  if (answer && answer->positive()) {
    answer = co_await command(session_.ehlo());
    if (answer && answer->permanent()) answer = co_await command(session_.helo());
  }
  if (answer && !answer->positive()) fail("it said " + answer->one_line());
  co_return usable_;
}

asio::awaitable<std::optional<Reply>> FarmLeg::mail(const Sender& sender) {
  co_return co_await command(session_.mail(sender));
}

asio::awaitable<std::optional<Reply>> FarmLeg::rcpt(const Recipient& recipient) {
  co_return co_await command(session_.rcpt(recipient));
}

asio::awaitable<std::optional<Reply>> FarmLeg::rset() {
  co_return co_await command(session_.rset());
}

asio::awaitable<std::optional<Reply>> FarmLeg::send(std::string head, Spool& spool) {
  auto answer = co_await command(session_.data());
  if (answer && answer->positive()) {
    // It must not be taken for the answer to the message.
    fail("it answered DATA with " + answer->one_line());
    co_return std::nullopt;
  }
  if (!answer || answer->code != 354) co_return answer;
  DotStuffer stuffer;
  std::string wire;
  stuffer.update(head, wire);
  const auto stuff = [&stuffer](std::string_view bytes, std::string& into) {
    stuffer.update(bytes, into);
  };
  bool taken = co_await write_text(std::move(wire), spool, stuff);
  if (taken) {
    std::string end;
    stuffer.finish(end);
    taken = co_await write(end, options_.block_time);
  }
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
  const auto copy = [](std::string_view bytes, std::string& into) { into += bytes; };
  const bool taken = co_await write_text(std::move(wire), spool, copy);
  co_return co_await answer_to_text(taken);
}

// `wire`, then the spool from its beginning as `encode` appends it. False when the connection
// failed or the spool could not be read: error_ says which, and not all of it was sent.
template <typename Encode>
asio::awaitable<bool> FarmLeg::write_text(std::string wire, Spool& spool, Encode encode) {
  spool.rewind();
  for (auto piece = spool.read(); !piece.empty(); piece = spool.read()) {
    encode(piece, wire);
    if (wire.size() < kWriteBytes) continue;
    const bool taken = co_await write(wire, options_.block_time);
    if (!taken) co_return false;
    wire.clear();
  }
  if (spool.failed()) {
    fail("the spool file could not be read back");
    co_return false;
  }
  co_return co_await write(wire, options_.block_time);
}

// taken: every octet of the message was.
asio::awaitable<std::optional<Reply>> FarmLeg::answer_to_text(bool taken) {
  session_.text_sent();
  if (taken) co_return co_await reply(options_.final_time);
  const std::string why = error_;
  // A farm that has had enough says so and closes; only a refusal can be believed here.
  usable_ = socket_.is_open();
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
  usable_ = false;
  close();
}

asio::awaitable<std::optional<Reply>> FarmLeg::command(std::string bytes) {
  if (!usable_) co_return std::nullopt;
  if (session_.broken()) {
    fail("it spoke out of turn");
    co_return std::nullopt;
  }
  const bool written = co_await write(bytes, options_.reply_time);
  if (!written) {
    fail(error_);
    co_return std::nullopt;
  }
  co_return co_await reply(options_.reply_time);
}

asio::awaitable<bool> FarmLeg::write(std::string_view bytes, std::chrono::milliseconds time) {
  error_code error;
  deadline_.arm(time);
  co_await asio::async_write(socket_, asio::buffer(bytes.data(), bytes.size()),
                             asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  if (!error) co_return true;
  usable_ = false;
  error_ = deadline_.expired() ? "it takes nothing any more" : error.message();
  co_return false;
}

asio::awaitable<std::optional<Reply>> FarmLeg::reply(std::chrono::milliseconds time) {
  if (!usable_) co_return std::nullopt;
  std::array<char, 4096> buffer;
  error_code error;
  deadline_.arm(time);
  for (;;) {
    auto answer = session_.next_reply();
    if (answer || session_.broken() || error) {
      deadline_.disarm();
      if (session_.broken())
        fail("what it says is not SMTP");
      else if (error)
        fail(deadline_.expired() ? "it did not answer in time" : error.message());
      if (answer && answer->code == 421) fail("it said " + answer->one_line());
      co_return answer;
    }
    const size_t count = co_await socket_.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    session_.receive(std::string_view(buffer.data(), count));
  }
}

}  // namespace postern::smtp
