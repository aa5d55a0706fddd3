// SPDX-License-Identifier: BSD-3-Clause
//
// A deadline cancels the operation and leaves the connection open, so that a last reply can be
// sent.
#include "control/smtp/client_stream.h"

#include <openssl/ssl.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

namespace postern::smtp {

namespace asio = boost::asio;
using boost::system::error_code;

ClientStream::ClientStream(asio::ip::tcp::socket socket)
    : socket_(std::move(socket)), deadline_(socket_.get_executor(), [this] { interrupt(); }) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
}

ClientStream::Outcome ClientStream::outcome_of(const error_code& error) const {
  if (!error) return Outcome::kDone;
  return deadline_.expired() ? Outcome::kTimeout : Outcome::kLost;
}

asio::awaitable<ClientStream::Read> ClientStream::read(std::span<char> buffer,
                                                       std::chrono::milliseconds time) {
  error_code error;
  const auto into = asio::buffer(buffer.data(), buffer.size());
  deadline_.arm(time);
  size_t count = 0;
  if (tls_)
    count = co_await tls_->async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  else
    count =
        co_await socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  co_return Read{outcome_of(error), count};
}

asio::awaitable<ClientStream::Outcome> ClientStream::write(std::string_view bytes,
                                                           std::chrono::milliseconds time) {
  error_code error;
  const auto from = asio::buffer(bytes.data(), bytes.size());
  deadline_.arm(time);
  if (tls_)
    co_await asio::async_write(*tls_, from, asio::redirect_error(asio::use_awaitable, error));
  else
    co_await asio::async_write(socket_, from, asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<ClientStream::Outcome> ClientStream::wait_readable(std::chrono::milliseconds time) {
  error_code error;
  deadline_.arm(time);
  co_await socket_.async_wait(asio::ip::tcp::socket::wait_read,
                              asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<ClientStream::Outcome> ClientStream::secure(asio::ssl::context& context,
                                                            std::chrono::milliseconds time) {
  error_code error;
  tls_.emplace(socket_, context);
  deadline_.arm(time);
  co_await tls_->async_handshake(asio::ssl::stream_base::server,
                                 asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<void> ClientStream::linger(std::chrono::milliseconds time) {
  constexpr size_t kMost = 65536;
  error_code error;
  deadline_.arm(time);
  // TLS says goodbye by itself (RFC 8446 §6.1), or the end could be anybody's.
  if (tls_) co_await tls_->async_shutdown(asio::redirect_error(asio::use_awaitable, error));
  error.clear();
  socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
  std::array<char, 4096> nothing;
  for (size_t got = 0; got < kMost && !error && !deadline_.expired();)
    got += co_await socket_.async_read_some(asio::buffer(nothing),
                                            asio::redirect_error(asio::use_awaitable, error));
  deadline_.disarm();
}

std::string ClientStream::tls_description() const {
  if (!tls_) return {};
  // native_handle() is not const, and neither does it change anything.
  const SSL* ssl = const_cast<asio::ssl::stream<asio::ip::tcp::socket&>&>(*tls_).native_handle();
  return std::string(SSL_get_version(ssl)) + " " + SSL_get_cipher_name(ssl);
}

void ClientStream::interrupt() {
  error_code ignored;
  socket_.cancel(ignored);
}

void ClientStream::abort() {
  error_code ignored;
  socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

void ClientStream::close() {
  error_code ignored;
  socket_.close(ignored);
}

}  // namespace postern::smtp
