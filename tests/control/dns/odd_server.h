// SPDX-License-Identifier: BSD-3-Clause
//
// OddServer: a name server on loopback that misbehaves as a test tells it to, on the loop of the
// test. It knows one thing to say to every question, over UDP and over TCP.
#pragma once

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace postern::dns {

class OddServer {
 public:
  enum class Manner : uint8_t {
    kSilent,       // takes questions
    kRefusing,     // REFUSED
    kBroken,       // SERVFAIL
    kEmpty,        // NOERROR, nothing in it, and no authority
    kNoName,       // NXDOMAIN
    kAnswering,    // a TXT record, "here"
    kOnlyOverTcp,  // the same, but over UDP it is cut
    kDripping,     // cut over UDP; over TCP octet by octet, and never all of it
  };

  OddServer(boost::asio::io_context& loop, Manner manner)
      : udp_(loop, {boost::asio::ip::address_v4::loopback(), 0}),
        tcp_(loop, {boost::asio::ip::address_v4::loopback(), udp_.local_endpoint().port()}),
        manner_(manner) {
    boost::asio::co_spawn(loop, serve_udp(), boost::asio::detached);
    boost::asio::co_spawn(loop, serve_tcp(), boost::asio::detached);
  }
  OddServer(const OddServer&) = delete;
  OddServer& operator=(const OddServer&) = delete;

  std::string address() const {  // as libunbound
    return "127.0.0.1@" + std::to_string(udp_.local_endpoint().port());
  }
  size_t questions() const { return questions_; }      // over UDP
  size_t connections() const { return connections_; }  // over TCP

 private:
  using Error = boost::system::error_code;

  // RFC 1035 §4.1: the question as it came, and below it what there is to say.
  std::string answer_to(const std::string& question, bool over_tcp) const {
    constexpr uint8_t kQr = 0x80, kAa = 0x04, kTc = 0x02, kRa = 0x80;
    constexpr uint8_t kServfail = 2, kNxdomain = 3, kRefused = 5;
    // Header and question, without the OPT record behind them.
    size_t end = 12;
    while (end < question.size() && question[end] != 0)
      end += static_cast<uint8_t>(question[end]) + size_t{1};
    std::string reply = question.substr(0, end + 5);
    const auto set = [&](size_t at, uint8_t value) { reply[at] = static_cast<char>(value); };
    for (size_t at = 6; at < 12; at++) set(at, 0);
    uint8_t flags = kQr | 1, rcode = 0;
    const bool answers =
        manner_ == Manner::kAnswering ||
        ((manner_ == Manner::kOnlyOverTcp || manner_ == Manner::kDripping) && over_tcp);
    if (manner_ == Manner::kRefusing) rcode = kRefused;
    if (manner_ == Manner::kBroken) rcode = kServfail;
    if (manner_ == Manner::kNoName) rcode = kNxdomain;
    if (rcode == 0 || rcode == kNxdomain) flags |= kAa;
    if (!over_tcp && (manner_ == Manner::kOnlyOverTcp || manner_ == Manner::kDripping))
      flags |= kTc;
    if (manner_ == Manner::kEmpty) flags &= static_cast<uint8_t>(~kAa);
    set(2, flags);
    set(3, kRa | rcode);
    if (answers) {
      set(7, 1);
      // The name is that of the question; TXT, IN, 300 s, five octets of data.
      reply += std::string("\xc0\x0c\0\x10\0\x01\0\0\x01\x2c\0\x05\x04here", 17);
    }
    return reply;
  }

  boost::asio::awaitable<void> serve_udp() {
    std::array<char, 4096> buffer;
    for (;;) {
      boost::asio::ip::udp::endpoint from;
      Error error;
      const size_t count = co_await udp_.async_receive_from(
          boost::asio::buffer(buffer), from,
          boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error == boost::asio::error::operation_aborted) co_return;
      if (error) continue;
      questions_++;
      if (manner_ == Manner::kSilent) continue;
      const std::string reply = answer_to(std::string(buffer.data(), count), false);
      co_await udp_.async_send_to(boost::asio::buffer(reply), from,
                                  boost::asio::redirect_error(boost::asio::use_awaitable, error));
    }
  }
  boost::asio::awaitable<void> serve_tcp() {
    for (;;) {
      Error error;
      auto socket = co_await tcp_.async_accept(
          boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error) co_return;
      connections_++;
      boost::asio::co_spawn(tcp_.get_executor(), converse(std::move(socket)),
                            boost::asio::detached);
    }
  }
  boost::asio::awaitable<void> converse(boost::asio::ip::tcp::socket socket) {
    for (;;) {
      Error error;
      std::array<char, 2> length;
      co_await boost::asio::async_read(
          socket, boost::asio::buffer(length),
          boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error) co_return;
      std::string question(static_cast<size_t>(static_cast<uint8_t>(length[0])) << 8 |
                               static_cast<uint8_t>(length[1]),
                           '\0');
      co_await boost::asio::async_read(
          socket, boost::asio::buffer(question),
          boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error) co_return;
      if (manner_ == Manner::kSilent) continue;
      const std::string reply = answer_to(question, true);
      std::string wire;
      wire += static_cast<char>(reply.size() >> 8);
      wire += static_cast<char>(reply.size() & 0xff);
      wire += reply;
      if (manner_ != Manner::kDripping) {
        co_await boost::asio::async_write(
            socket, boost::asio::buffer(wire),
            boost::asio::redirect_error(boost::asio::use_awaitable, error));
        continue;
      }
      wire[0] = '\x7f';  // more than there will ever be
      boost::asio::steady_timer pause(socket.get_executor());
      for (size_t at = 0; !error; at = (at + 1) % wire.size()) {
        co_await boost::asio::async_write(
            socket, boost::asio::buffer(&wire[at], 1),
            boost::asio::redirect_error(boost::asio::use_awaitable, error));
        Error ignored;
        pause.expires_after(std::chrono::milliseconds(100));
        co_await pause.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
      }
      co_return;
    }
  }

  boost::asio::ip::udp::socket udp_;
  boost::asio::ip::tcp::acceptor tcp_;
  const Manner manner_;
  size_t questions_ = 0;
  size_t connections_ = 0;
};

}  // namespace postern::dns
