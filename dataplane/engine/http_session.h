// SPDX-License-Identifier: BSD-3-Clause
//
// One client of the management API, over a stream that is connected: its requests as HTTP/1.1, one
// after the other, by Boost.Beast. Templates, as a Unix socket and TLS differ in their type alone.
#pragma once

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>
#include <tuple>
#include <utility>

#include "dataplane/engine/api.h"
#include "dataplane/engine/api_server.h"

namespace postern {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Local = asio::local::stream_protocol;
using UnixStream = beast::basic_stream<Local>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

inline constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
// What a client may still send after it was refused, and for how long, so that it reads the refusal
// before it sees the connection gone.
inline constexpr std::chrono::seconds kLingerTime{1};
inline constexpr size_t kLingerBytes = 1024 * 1024;

class HttpSession {
 public:
  using Request = http::request_parser<http::string_body>;
  using Response = http::response<http::string_body>;

  // Both must outlive this. unsent: octets of all sessions' answers that their clients have not
  // taken yet, which this one adds to (ApiServer::kMaxUnsentBytes).
  HttpSession(Api& api, size_t& unsent, Caller caller)
      : api_(api), unsent_(unsent), caller_(std::move(caller)) {}

  // Until the client or an error ends it.
  template <typename Stream>
  asio::awaitable<void> serve(Stream& stream) {
    beast::flat_buffer buffer(ApiServer::kMaxHeaderBytes + Api::kMaxBodyBytes);
    for (bool open = true; open;) {
      Request request;
      request.header_limit(ApiServer::kMaxHeaderBytes);
      request.body_limit(Api::kMaxBodyBytes);
      allow(stream, std::chrono::seconds(ApiServer::kIdleSeconds));
      const auto error = co_await read(stream, buffer, request);
      if (error) {
        auto answer = answer_to_error(error);
        if (answer.status != 0) co_await refuse(stream, std::move(answer));
        co_return;
      }
      const auto& message = request.get();
      // Changes are never refused for it, nor is whoever asks whether the engine lives.
      ApiAnswer answer;
      if (may_be_large(message) && unsent_ >= ApiServer::kMaxUnsentBytes)
        answer = api_error(503, "too many answers wait to be read; try again");
      else
        answer = co_await answer_to(message);
      const Unsent waiting(unsent_, answer.body.size());
      auto response = response_of(std::move(answer), message.version());
      response.keep_alive(message.keep_alive());
      open = response.keep_alive();
      allow(stream, std::chrono::seconds(ApiServer::kIdleSeconds));
      const auto written = co_await http::async_write(stream, response, kAwait);
      if (std::get<0>(written)) co_return;
    }
    co_await close(stream);
  }

  // Answers, hangs up, and lets the client finish speaking within bounds.
  template <typename Stream>
  static asio::awaitable<void> refuse(Stream& stream, ApiAnswer answer) {
    auto response = response_of(std::move(answer), 11);
    response.keep_alive(false);
    allow(stream, kLingerTime);
    const auto written = co_await http::async_write(stream, response, kAwait);
    if (std::get<0>(written)) co_return;
    co_await close(stream);
    auto& socket = beast::get_lowest_layer(stream);
    std::array<char, 4096> sink;
    for (size_t total = 0; total < kLingerBytes;) {
      const auto [error, bytes] = co_await socket.async_read_some(asio::buffer(sink), kAwait);
      if (error) co_return;
      total += bytes;
    }
  }

 private:
  class Unsent {
   public:
    Unsent(size_t& all, size_t bytes) noexcept : all_(all), bytes_(bytes) { all_ += bytes_; }
    ~Unsent() { all_ -= bytes_; }
    Unsent(const Unsent&) = delete;
    Unsent& operator=(const Unsent&) = delete;

   private:
    size_t& all_;
    const size_t bytes_;
  };

  template <typename Stream>
  static void allow(Stream& stream, std::chrono::seconds time) {
    beast::get_lowest_layer(stream).expires_after(time);
  }

  static asio::awaitable<void> close(UnixStream& stream) {
    beast::error_code ignored;
    stream.socket().shutdown(Local::socket::shutdown_send, ignored);
    co_return;
  }
  // With the alert that says that this is the end (RFC 8446, section 6.1).
  static asio::awaitable<void> close(TlsStream& stream) {
    allow(stream, kLingerTime);
    const auto ended = co_await stream.async_shutdown(kAwait);
    static_cast<void>(ended);
    beast::error_code ignored;
    beast::get_lowest_layer(stream).socket().shutdown(asio::ip::tcp::socket::shutdown_send,
                                                      ignored);
  }

  template <typename Stream>
  static asio::awaitable<beast::error_code> read(Stream& stream, beast::flat_buffer& buffer,
                                                 Request& request) {
    auto [error, bytes] = co_await http::async_read_header(stream, buffer, request, kAwait);
    if (error) co_return error;
    if (beast::iequals(request.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, request.get().version());
      std::tie(error, bytes) = co_await http::async_write(stream, go_on, kAwait);
      if (error) co_return error;
    }
    std::tie(error, bytes) = co_await http::async_read(stream, buffer, request, kAwait);
    co_return error;
  }

  static bool may_be_large(const http::request<http::string_body>& message) {
    return message.method() == http::verb::get && message.target() != "/v1/health";
  }

  // Asks again while there is nothing to say yet, within what the API itself bounds.
  asio::awaitable<ApiAnswer> answer_to(const http::request<http::string_body>& message);
  static Response response_of(ApiAnswer answer, unsigned version);
  // The answer to bytes that are no acceptable HTTP; status 0 where none is due.
  static ApiAnswer answer_to_error(const beast::error_code& error);

  Api& api_;
  size_t& unsent_;
  const Caller caller_;
};

}  // namespace postern
