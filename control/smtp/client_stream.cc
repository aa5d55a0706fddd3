// SPDX-License-Identifier: BSD-3-Clause
//
// A deadline cancels the operation and leaves the connection open, so that a last reply can be
// sent. OpenSSL reads from and writes to the socket itself, without buffers between, and what it
// waits for is waited for here.
#include "control/smtp/client_stream.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <climits>

namespace postern::smtp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

ClientStream::ClientStream(tcp::socket socket)
    : socket_(std::move(socket)), deadline_(socket_.get_executor(), [this] { interrupt(); }) {
  error_code ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
}

ClientStream::Outcome ClientStream::outcome_of(const error_code& error) const {
  if (!error) return Outcome::kDone;
  return deadline_.expired() ? Outcome::kTimeout : Outcome::kLost;
}

ClientStream::Block ClientStream::block_of(int ssl_result) const {
  switch (SSL_get_error(tls_.get(), ssl_result)) {
    case SSL_ERROR_WANT_READ:
      return Block::kRead;
    case SSL_ERROR_WANT_WRITE:
      return Block::kWrite;
    default:
      return Block::kEnd;
  }
}

ClientStream::Block ClientStream::try_read(std::span<char> buffer, size_t& count) {
  // Behind a close the descriptor's number may be another connection's.
  if (!socket_.is_open()) return Block::kEnd;
  if (tls_) {
    ERR_clear_error();
    const int result = SSL_read(tls_.get(), buffer.data(),
                                static_cast<int>(std::min<size_t>(buffer.size(), INT_MAX)));
    if (result <= 0) return block_of(result);
    count = static_cast<size_t>(result);
    return Block::kNothing;
  }
  return try_receive(buffer, count);
}

ClientStream::Block ClientStream::try_receive(std::span<char> buffer, size_t& count) {
  if (!socket_.is_open()) return Block::kEnd;
  ssize_t result;
  do {
    result = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Block::kRead : Block::kEnd;
  count = static_cast<size_t>(result);
  return count == 0 ? Block::kEnd : Block::kNothing;
}

ClientStream::Block ClientStream::try_write(std::string_view bytes, size_t& count) {
  if (!socket_.is_open()) return Block::kEnd;
  if (tls_) {
    ERR_clear_error();
    const int result = SSL_write(tls_.get(), bytes.data(),
                                 static_cast<int>(std::min<size_t>(bytes.size(), INT_MAX)));
    if (result <= 0) return block_of(result);
    count = static_cast<size_t>(result);
    return Block::kNothing;
  }
  ssize_t result;
  do {
    result = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  } while (result < 0 && errno == EINTR);
  if (result < 0) return errno == EAGAIN || errno == EWOULDBLOCK ? Block::kWrite : Block::kEnd;
  count = static_cast<size_t>(result);
  return Block::kNothing;
}

asio::awaitable<error_code> ClientStream::wait(Block block) {
  error_code error;
  if (block == Block::kEnd) co_return asio::error::eof;
  const auto what = block == Block::kWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  co_await socket_.async_wait(what, asio::redirect_error(asio::use_awaitable, error));
  co_return error;
}

asio::awaitable<ClientStream::Read> ClientStream::read(std::span<char> buffer,
                                                       std::chrono::milliseconds time) {
  size_t count = 0;
  error_code error;
  deadline_.arm(time);
  // The loop has its turn before each read, so that a client who sends without end does not keep it
  // from the others. TLS may hold what it has read already: that needs no waiting, but a turn.
  auto block = Block::kRead;
  if (tls_ && SSL_pending(tls_.get()) > 0) {
    co_await asio::post(socket_.get_executor(), asio::use_awaitable);
    block = try_read(buffer, count);
  }
  while (block != Block::kNothing && !error) {
    error = co_await wait(block);
    if (!error) block = try_read(buffer, count);
  }
  deadline_.disarm();
  co_return Read{outcome_of(error), count};
}

asio::awaitable<ClientStream::Outcome> ClientStream::write(std::string_view bytes,
                                                           std::chrono::milliseconds time) {
  auto block = Block::kNothing;
  const auto write_on = [&] {
    size_t count = 0;
    block = try_write(bytes, count);
    bytes.remove_prefix(count);
  };
  // A reply fits into the socket's buffer, most often: no time passes, and none is kept.
  if (!bytes.empty()) write_on();
  if (bytes.empty()) co_return Outcome::kDone;
  error_code error;
  deadline_.arm(time);
  while (!bytes.empty() && !error) {
    if (block != Block::kNothing) error = co_await wait(block);
    if (!error) write_on();
  }
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<ClientStream::Outcome> ClientStream::wait_readable(std::chrono::milliseconds time) {
  deadline_.arm(time);
  const auto error = co_await wait(Block::kRead);
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<ClientStream::Outcome> ClientStream::secure(std::shared_ptr<const TlsServer> server,
                                                            std::chrono::milliseconds time) {
  server_ = std::move(server);
  tls_ = server_->new_session(socket_.native_handle());
  if (!tls_) co_return Outcome::kLost;
  error_code error;
  deadline_.arm(time);
  for (bool done = false; !done && !error;) {
    if (!socket_.is_open()) {
      error = asio::error::bad_descriptor;
      break;
    }
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    done = result == 1;
    if (!done) error = co_await wait(block_of(result));
  }
  deadline_.disarm();
  co_return outcome_of(error);
}

asio::awaitable<void> ClientStream::linger(std::chrono::milliseconds time) {
  constexpr size_t kMost = 65536;
  error_code error;
  deadline_.arm(time);
  // TLS says goodbye by itself (RFC 8446 §6.1), or the end could be anybody's.
  if (tls_ && socket_.is_open() && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  socket_.shutdown(tcp::socket::shutdown_send, error);
  std::array<char, 4096> nothing;
  for (size_t got = 0; got < kMost && !error;) {
    size_t count = 0;
    const auto block = try_receive(nothing, count);
    got += count;
    if (block != Block::kNothing) error = co_await wait(block);
  }
  deadline_.disarm();
}

std::string ClientStream::tls_description() const {
  if (!tls_ || !SSL_is_init_finished(tls_.get())) return {};
  return std::string(SSL_get_version(tls_.get())) + " " + SSL_get_cipher_name(tls_.get());
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
