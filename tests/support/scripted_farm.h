// SPDX-License-Identifier: BSD-3-Clause
//
// ScriptedFarm: a mail exchanger on loopback that does at every step what a test tells it: answer
// anything, cut the connection, or say nothing at all. It remembers commands, and which messages it
// has acknowledged. One thread per connection, plain blocking sockets: nothing of it is shared with
// the proxy under test but the reader of PROXY headers. It speaks STARTTLS where it has a
// certificate, and begins with a PROXY header where it is told to.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/smtp/proxy_header.h"
#include "tests/control/smtp/certificate.h"

namespace postern::test {

class ScriptedFarm {
 public:
  struct Message {
    std::string mail;                     // the MAIL line
    std::vector<std::string> recipients;  // the RCPT lines that were accepted
    std::string wire;                     // as it came behind DATA, dots and final ".\r\n" included
    std::string chunks;                   // as it came in chunks of BDAT, which have no dots
  };
  static constexpr char kCut[] = "cut";      // closes the connection instead of an answer
  static constexpr char kStall[] = "stall";  // answers nothing until the farm goes down

  // "handshake" (kCut, or bytes to say in plain instead of it; else it happens), "XCLIENT",
  // "XFORWARD", "STARTTLS": those are said only where a test sets them.
  // Steps: "greeting", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "text" (after its first line, and
  // before any more of it is read; not said unless it is set), "dot", "RSET", "QUIT", "BDAT" (but
  // for the last one, which is "dot"); or a whole command line.
  ScriptedFarm() {
    script_ = {{"greeting", "220 farm.example ESMTP\r\n"},
               {"EHLO",
                "250-farm.example\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n"
                "250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"},
               {"HELO", "250 farm.example\r\n"},
               {"MAIL", "250 2.1.0 sender fine\r\n"},
               {"RCPT", "250 2.1.5 recipient fine\r\n"},
               {"DATA", "354 send it\r\n"},
               {"BDAT", "250 2.0.0 chunk\r\n"},
               {"dot", "250 2.0.0 queued as 12345\r\n"},
               {"RSET", "250 2.0.0 reset\r\n"},
               {"QUIT", "221 2.0.0 bye\r\n"}};
    start();
  }
  ~ScriptedFarm() { stop(); }
  ScriptedFarm(const ScriptedFarm&) = delete;
  ScriptedFarm& operator=(const ScriptedFarm&) = delete;

  uint16_t port() const { return port_; }

  // Before the first connection. STARTTLS is to be set and offered by the test.
  void use_certificate(const Certificate& certificate) {
    context_.reset(SSL_CTX_new(TLS_server_method()));
    const auto memory = [](const std::string& pem) {
      return std::unique_ptr<BIO, decltype(&BIO_free_all)>(
          BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), BIO_free_all);
    };
    const std::unique_ptr<X509, decltype(&X509_free)> read(
        PEM_read_bio_X509(memory(certificate.certificate).get(), nullptr, nullptr, nullptr),
        X509_free);
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        PEM_read_bio_PrivateKey(memory(certificate.key).get(), nullptr, nullptr, nullptr),
        EVP_PKEY_free);
    SSL_CTX_use_certificate(context_.get(), read.get());
    SSL_CTX_use_PrivateKey(context_.get(), key.get());
    set("STARTTLS", "220 2.0.0 go\r\n");
  }
  // Before the first connection: each begins with a PROXY header, kept among the commands as
  // "PROXY source port destination port" or "PROXY LOCAL".
  void expect_proxy_header() { proxy_header_ = true; }
  size_t handshakes() const { return handshakes_; }
  size_t resumed() const { return resumed_; }  // of them

  void set(const std::string& step, const std::string& answer) {
    const std::lock_guard lock(mutex_);
    script_[step] = answer;
  }

  // Nobody listens any more, and all connections are cut. start() listens on the same port again.
  void stop() {
    if (listener_ < 0) return;
    {
      // With the lock, or a connection that is just being accepted would be missed.
      const std::lock_guard lock(mutex_);
      down_ = true;
      for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
    }
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    ::close(listener_);
    listener_ = -1;
  }
  void start() {
    down_ = false;
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port_);
    socklen_t length = sizeof address;
    // The same port again may be some client's for a moment.
    for (int attempt = 0; ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0;) {
      if (++attempt == 3000) std::abort();
      std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    if (::listen(listener_, 64) != 0) std::abort();
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  void cut_all() {
    const std::lock_guard lock(mutex_);
    for (const int connection : open_) ::shutdown(connection, SHUT_RDWR);
  }

  // To whose final dot a 2xx was sent.
  std::vector<Message> acknowledged() const {
    const std::lock_guard lock(mutex_);
    return acknowledged_;
  }
  // All lines of commands, in order.
  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  size_t count(std::string_view verb) const {
    size_t found = 0;
    for (const auto& command : commands()) found += command.starts_with(verb);
    return found;
  }
  size_t connections() const { return connections_; }

 private:
  struct Connection {
    explicit Connection(int fd) : socket(fd) {}
    int socket;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, SSL_free};
  };

  void accept() {
    for (;;) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      const std::lock_guard lock(mutex_);
      if (connection < 0 || down_) {
        if (connection >= 0) ::close(connection);
        return;
      }
      connections_++;
      open_.insert(connection);
      threads_.emplace_back([this, connection] {
        Connection served(connection);
        serve(served);
        const std::lock_guard closing(mutex_);
        open_.erase(connection);
        ::close(connection);
      });
    }
  }

  std::string answer_to(const std::string& step, const std::string& line) const {
    const std::lock_guard lock(mutex_);
    const auto exact = script_.find(line);
    if (exact != script_.end()) return exact->second;
    const auto found = script_.find(step);
    return found == script_.end() ? "502 5.5.1 unknown\r\n" : found->second;
  }

  // False: the connection is to end.
  bool act(const Connection& connection, const std::string& answer) const {
    if (answer == kCut) return false;
    if (answer == kStall) {
      pollfd wait{.fd = connection.socket, .events = POLLRDHUP, .revents = 0};
      while (!down_ && ::poll(&wait, 1, 20) == 0) {
      }
      return false;
    }
    if (answer.empty()) return true;
    const auto size = static_cast<ssize_t>(answer.size());
    if (connection.ssl)
      return SSL_write(connection.ssl.get(), answer.data(), static_cast<int>(size)) == size;
    return ::send(connection.socket, answer.data(), answer.size(), MSG_NOSIGNAL) == size;
  }

  // False: it was to fail, or did.
  bool shake_hands(Connection& connection) {
    const std::string step = answer_to("handshake", "");
    if (step == kCut || !context_) return false;
    if (!step.starts_with("502")) {
      act(connection, step);
      return false;
    }
    connection.ssl.reset(SSL_new(context_.get()));
    SSL_set_fd(connection.ssl.get(), connection.socket);
    if (SSL_accept(connection.ssl.get()) != 1) return false;
    handshakes_++;
    if (SSL_session_reused(connection.ssl.get()) == 1) resumed_++;
    return true;
  }

  bool read_proxy_header(const Connection& connection) {
    smtp::ProxyHeaderReader reader;
    char buffer[512];
    while (const size_t wanted = std::min(reader.wanted(), sizeof buffer)) {
      const ssize_t got = ::recv(connection.socket, buffer, wanted, 0);
      if (got <= 0) return false;
      reader.receive({buffer, static_cast<size_t>(got)});
    }
    if (!reader.header()) return false;
    std::string told = "PROXY LOCAL";
    if (const auto& ends = reader.header()->endpoints)
      told = "PROXY " + ends->source.to_string() + " " + std::to_string(ends->source_port) + " " +
             ends->destination.to_string() + " " + std::to_string(ends->destination_port);
    const std::lock_guard lock(mutex_);
    commands_.push_back(told);
    return true;
  }

  void serve(Connection& connection) {
    if (proxy_header_ && !read_proxy_header(connection)) return;
    if (!act(connection, answer_to("greeting", ""))) return;
    std::string input;
    Message message;
    for (;;) {
      std::string line;
      if (!read_to(connection, input, "\r\n", line)) return;
      line.resize(line.size() - 2);
      const std::string verb = line.substr(0, line.find(' '));
      {
        const std::lock_guard lock(mutex_);
        commands_.push_back(line);
      }
      if (verb == "BDAT") {
        if (!serve_chunk(connection, line, input, message)) return;
        continue;
      }
      const std::string answer = answer_to(verb, line);
      if (!act(connection, answer) || verb == "QUIT") return;
      const bool positive = answer.starts_with("2");
      if (verb == "STARTTLS" && positive) {
        input.clear();
        if (!shake_hands(connection)) return;
      }
      if (verb == "MAIL" && positive) message = {line, {}, {}, {}};
      if (verb == "RCPT" && positive) message.recipients.push_back(line);
      if (verb != "DATA" || !answer.starts_with("354")) continue;
      if (!read_text(connection, input, message)) return;
      const std::string last = answer_to("dot", "");
      if (last.starts_with("2")) {
        const std::lock_guard lock(mutex_);
        acknowledged_.push_back(message);
      }
      if (!act(connection, last)) return;
    }
  }

  // RFC 3030; the last chunk is answered as a final dot is.
  bool serve_chunk(const Connection& connection, const std::string& line, std::string& input,
                   Message& message) {
    const size_t octets = std::stoull(line.substr(5));
    while (input.size() < octets)
      if (!more(connection, input)) return false;
    message.chunks += input.substr(0, octets);
    input.erase(0, octets);
    if (!line.ends_with(" LAST")) return act(connection, answer_to("BDAT", line));
    const std::string last = answer_to("dot", "");
    if (last.starts_with("2")) {
      const std::lock_guard lock(mutex_);
      acknowledged_.push_back(message);
    }
    return act(connection, last);
  }

  bool read_text(const Connection& connection, std::string& input, Message& message) {
    const std::string step = answer_to("text", "");
    const bool early = !step.empty() && !step.starts_with("502");
    if (early) {
      // A line that is dripped may come in pieces; the rest is read below.
      if (!read_to(connection, input, "\n", message.wire)) message.wire.clear();
      if (!act(connection, step)) return false;
    }
    // An empty message is ".CRLF" at once.
    while (input.size() < 3 && more(connection, input)) {
    }
    if (input.starts_with(".\r\n")) {
      message.wire += input.substr(0, 3);
      input.erase(0, 3);
      return true;
    }
    std::string rest;
    if (!read_to(connection, input, "\r\n.\r\n", rest)) return false;
    message.wire += rest;
    return true;
  }

  static bool more(const Connection& connection, std::string& input) {
    char buffer[16384];
    const ssize_t got = connection.ssl ? SSL_read(connection.ssl.get(), buffer, sizeof buffer)
                                       : ::recv(connection.socket, buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    input.append(buffer, static_cast<size_t>(got));
    return true;
  }

  // Takes up to and including `end`.
  static bool read_to(const Connection& connection, std::string& input, std::string_view end,
                      std::string& taken) {
    size_t found, searched = 0;
    while ((found = input.find(end, searched)) == std::string::npos) {
      searched = input.size() < end.size() ? 0 : input.size() - end.size();
      if (!more(connection, input)) return false;
    }
    taken = input.substr(0, found + end.size());
    input.erase(0, found + end.size());
    return true;
  }

  mutable std::mutex mutex_;
  std::map<std::string, std::string> script_;
  std::vector<std::string> commands_;
  std::vector<Message> acknowledged_;
  std::set<int> open_;
  std::thread acceptor_;
  std::vector<std::thread> threads_;
  std::atomic<size_t> connections_ = 0;
  std::atomic<bool> down_ = false;
  std::atomic<size_t> handshakes_ = 0, resumed_ = 0;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  bool proxy_header_ = false;
  int listener_ = -1;
  uint16_t port_ = 0;
};

}  // namespace postern::test
