// SPDX-License-Identifier: BSD-3-Clause
//
// A client with blocking sockets that says exactly what a test tells it to, in plain or over TLS,
// and reads replies. Every wait ends after kPatience, and the test fails then.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace postern::test {

class MailClient {
 public:
  static constexpr int kPatience = 60;  // seconds; only the end of a hang

  explicit MailClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{kPatience, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("nobody listens");
  }
  ~MailClient() {
    ssl_.reset();
    ::close(socket_);
  }
  MailClient(const MailClient&) = delete;
  MailClient& operator=(const MailClient&) = delete;

  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ssl_ ? SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return;  // what is read next tells
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
  }

  // A whole reply, all lines; "" where the connection has ended; throws when nothing comes.
  std::string reply() {
    for (;;) {
      size_t begin = 0;
      for (size_t end; (end = input_.find("\r\n", begin)) != std::string::npos; begin = end + 2) {
        if (end - begin >= 4 && input_[begin + 3] == '-') continue;
        const std::string taken = input_.substr(0, end + 2);
        input_.erase(0, end + 2);
        return taken;
      }
      if (!more()) return "";
    }
  }
  std::string say(std::string_view line) {
    send(std::string(line) + "\r\n");
    return reply();
  }

  // True when the handshake worked.
  bool start_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_);
    return SSL_connect(ssl_.get()) == 1;
  }

  // The rest until the other side closes.
  std::string rest() {
    while (more()) {
    }
    return std::move(input_);
  }
  // The other side ended TLS as it should, and did not just vanish.
  bool tls_ended_well() const {
    return ssl_ && (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0;
  }
  // It ended with an RST.
  bool was_reset() const { return was_reset_; }
  void shutdown() { ::shutdown(socket_, SHUT_RDWR); }

 private:
  bool more() {
    char buffer[16384];
    ssize_t got;
    do {  // a process that was stopped for a while is told so here, as the socket has a time limit
      got = ssl_ ? SSL_read(ssl_.get(), buffer, sizeof buffer)
                 : ::recv(socket_, buffer, sizeof buffer, 0);
    } while (got < 0 && !ssl_ && errno == EINTR);
    if (got < 0 && !ssl_ && (errno == EAGAIN || errno == EWOULDBLOCK))
      throw std::runtime_error("no reply within the test's patience");
    if (got < 0 && !ssl_ && errno == ECONNRESET) was_reset_ = true;
    if (got <= 0) return false;
    input_.append(buffer, static_cast<size_t>(got));
    return true;
  }

  int socket_;
  bool was_reset_ = false;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
  std::string input_;
};

}  // namespace postern::test
