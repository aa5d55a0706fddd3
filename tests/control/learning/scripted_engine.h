// SPDX-License-Identifier: BSD-3-Clause
//
// ScriptedEngine: answers the management API's requests at a Unix socket as a test tells it, and
// remembers what it was asked. One thread, one request for each connection, one connection after
// the other: what is asked for while a request is held waits.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace postern::test {

class ScriptedEngine {
 public:
  explicit ScriptedEngine(std::string path) : path_(std::move(path)) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(listener_, 64) != 0)
      std::abort();
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedEngine() {
    hold(false);
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  ScriptedEngine(const ScriptedEngine&) = delete;
  ScriptedEngine& operator=(const ScriptedEngine&) = delete;

  const std::string& path() const { return path_; }
  // For every request but GET, which is always answered 200.
  void answer(unsigned status) {
    const std::lock_guard lock(mutex_);
    status_ = status;
  }
  // Requests are taken, and answered once this is over.
  void hold(bool held) {
    const std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // "POST 192.0.2.1/32", "DELETE 192.0.2.1/32" in their order; GETs are not there.
  std::vector<std::string> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static std::string quoted_after(std::string_view text, std::string_view name) {
    const auto begin = text.find(name);
    if (begin == std::string_view::npos) return "?";
    const auto open = text.find('"', begin + name.size());
    return std::string(text.substr(open + 1, text.find('"', open + 1) - open - 1));
  }

  static std::string read_request(int connection) {
    std::string text;
    std::array<char, 4096> buffer;
    for (;;) {
      const auto end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        size_t length = 0;
        constexpr std::string_view kLength = "Content-Length: ";
        if (const auto at = text.find(kLength); at < end)
          std::from_chars(text.data() + at + kLength.size(), text.data() + end, length);
        if (text.size() >= end + 4 + length) return text;
      }
      const auto got = ::read(connection, buffer.data(), buffer.size());
      if (got <= 0) return {};
      text.append(buffer.data(), static_cast<size_t>(got));
    }
  }

  void run() {
    for (;;) {
      const int connection = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      const std::string request = read_request(connection);
      unsigned status = 200;
      if (!request.empty() && !request.starts_with("GET ")) {
        std::unique_lock lock(mutex_);
        asked_.push_back(request.substr(0, request.find(' ')) + " " +
                         quoted_after(request, "\"prefix\":"));
        changed_.wait(lock, [this] { return !held_; });
        status = status_;
      }
      const std::string answer = "HTTP/1.1 " + std::to_string(status) +
                                 " X\r\nContent-Type: application/json\r\n"
                                 "Connection: close\r\nContent-Length: 2\r\n\r\n{}";
      [[maybe_unused]] const auto sent =
          ::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL);
      ::close(connection);
    }
  }

  std::string path_;
  int listener_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  unsigned status_ = 200;
  bool held_ = false;
  std::vector<std::string> asked_;
  std::thread thread_;
};

}  // namespace postern::test
