// SPDX-License-Identifier: BSD-3-Clause
//
// A deadline closes the connection: nothing can be said any more to a backend that is late.
#include "control/smtp/farm_stream.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <utility>

namespace postern::smtp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

FarmStream::FarmStream(const asio::any_io_executor& executor)
    : look_up_(executor), socket_(executor), deadline_(executor, [this] { close(); }) {}

// OpenSSL takes a connection that just ends for a failure, and its session for worthless. We end
// connections by QUIT.
void FarmStream::end_tls() {
  if (tls_) SSL_set_shutdown(tls_->native_handle(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  tls_.reset();
  ahead_.reset();
}

void FarmStream::close() {
  look_up_.cancel();
  error_code ignored;
  socket_.close(ignored);
}

bool FarmStream::check(const error_code& error, std::string_view late) {
  deadline_.disarm();
  if (!error) return true;
  error_ = deadline_.expired() ? std::string(late) : error.message();
  close();
  return false;
}

asio::awaitable<std::vector<tcp::endpoint>> FarmStream::resolve(std::string host, std::string port,
                                                                milliseconds time) {
  auto found = co_await look_up_.run(std::move(host), time);
  error_ = std::move(found.error);
  std::vector<tcp::endpoint> endpoints;
  for (const auto& address : found.addresses)
    if (endpoints.size() < kMaxAddresses)
      endpoints.emplace_back(address, static_cast<uint16_t>(std::stoul(port)));
  co_return endpoints;
}

asio::awaitable<bool> FarmStream::connect(tcp::endpoint endpoint, milliseconds time) {
  end_tls();
  close();
  error_code error;
  deadline_.arm(time);
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (!check(error, "connecting took too long")) co_return false;
  socket_.set_option(tcp::no_delay(true), error);
  co_return true;
}

asio::awaitable<bool> FarmStream::secure(FarmTls& tls, const Backend& backend, TlsSessionSlot& slot,
                                         milliseconds time) {
  tls_.emplace(socket_, tls.context());
  error_code error;
  if (!FarmTls::prepare(tls_->native_handle(), backend, slot)) {
    error_ = "TLS cannot be set up for it";
    close();
    co_return false;
  }
  deadline_.arm(time);
  co_await tls_->async_handshake(asio::ssl::stream_base::client,
                                 asio::redirect_error(asio::use_awaitable, error));
  if (check(error, "the TLS handshake took too long")) {
    socket_.non_blocking(true, error);  // for quiet()
    co_return true;
  }
  const long verified = SSL_get_verify_result(tls_->native_handle());
  if (backend.tls == TlsUse::kVerify && verified != X509_V_OK)
    error_ = std::string("its certificate: ") + X509_verify_cert_error_string(verified);
  co_return false;
}

asio::awaitable<bool> FarmStream::write(std::string_view bytes, milliseconds time) {
  if (!tls_) {
    // What fits into the socket's buffer takes no time, and none is kept.
    const auto sent =
        ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) bytes.remove_prefix(static_cast<size_t>(sent));
    if (bytes.empty()) co_return true;
  }
  error_code error;
  const auto from = asio::buffer(bytes.data(), bytes.size());
  deadline_.arm(time);
  if (tls_)
    co_await asio::async_write(*tls_, from, asio::redirect_error(asio::use_awaitable, error));
  else
    co_await asio::async_write(socket_, from, asio::redirect_error(asio::use_awaitable, error));
  // Left open: why it takes nothing any more may be on its way.
  deadline_.disarm();
  if (!error) co_return true;
  error_ = deadline_.expired() ? "it takes nothing any more" : error.message();
  co_return false;
}

asio::awaitable<size_t> FarmStream::read(std::span<char> buffer, milliseconds time) {
  if (ahead_ && !buffer.empty()) {
    buffer[0] = *std::exchange(ahead_, std::nullopt);
    co_return 1;
  }
  error_code error;
  const auto into = asio::buffer(buffer.data(), buffer.size());
  size_t count = 0;
  deadline_.arm(time);
  if (tls_)
    count = co_await tls_->async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  else
    count =
        co_await socket_.async_read_some(into, asio::redirect_error(asio::use_awaitable, error));
  if (check(error, "it did not answer in time")) co_return count;
  co_return 0;
}

bool FarmStream::quiet() {
  if (!socket_.is_open() || ahead_) return false;
  char octet = 0;
  if (tls_) {
    // Without waiting, as secure() has set the socket so. What TLS had to say itself, a ticket for
    // one, is taken in by this and is no word of SMTP. Where TLS has to answer and the socket takes
    // nothing, what it said is lost, and the session fails at the next record: never a 2xx.
    error_code error;
    if (tls_->read_some(asio::buffer(&octet, 1), error) > 0) ahead_ = octet;
    return error == asio::error::would_block || error == asio::error::try_again;
  }
  const auto got = ::recv(socket_.native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

bool FarmStream::tls_resumed() {
  return tls_ && SSL_session_reused(tls_->native_handle()) == 1;
}

}  // namespace postern::smtp
