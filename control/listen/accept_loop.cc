// SPDX-License-Identifier: BSD-3-Clause
//
// An exception that gets out of the loop all the same leaves through io_context::run(), and ends
// the program: better than one that listens and does not answer.
#include "control/listen/accept_loop.h"

#include <spdlog/spdlog.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

#include "control/loop/launch.h"

namespace postern::listen {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr std::chrono::milliseconds kPause{100};
constexpr int kAtOnce = 16;  // others have their turn, too

template <typename Protocol>
Protocol protocol_of(const Place& place);

template <>
asio::ip::tcp protocol_of<asio::ip::tcp>(const Place& place) {
  return place.address.is_v4() ? asio::ip::tcp::v4() : asio::ip::tcp::v6();
}

template <>
asio::generic::stream_protocol protocol_of<asio::generic::stream_protocol>(const Place& place) {
  if (!place.path.empty()) return {AF_UNIX, 0};
  return protocol_of<asio::ip::tcp>(place);
}

void log_failure(const std::exception_ptr& thrown) {
  if (!thrown) return;
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    spdlog::error("session failed error=\"{}\"", error.what());
  }
}

}  // namespace

template <typename Protocol>
AcceptLoop<Protocol>::AcceptLoop(asio::io_context& loop, ListeningSocket socket, Serve serve)
    : loop_(loop),
      acceptor_(loop, protocol_of<Protocol>(socket.place()), socket.release()),
      serve_(std::move(serve)) {
  acceptor_.non_blocking(true);
}

template <typename Protocol>
void AcceptLoop<Protocol>::start() {
  loop::launch(loop_, run());
}

template <typename Protocol>
void AcceptLoop<Protocol>::stop() {
  stopped_ = true;
  error_code ignored;
  acceptor_.close(ignored);
}

// Some of those that wait; what is wrong with accepting, or empty.
template <typename Protocol>
std::string AcceptLoop<Protocol>::accept_some() {
  for (int i = 0; i < kAtOnce; i++) {
    error_code error;
    Socket socket(loop_);
    acceptor_.accept(socket, error);
    if (error == asio::error::would_block) break;
    if (error && error != asio::error::connection_aborted) return error.message();
    if (!error) asio::co_spawn(loop_, serve_(std::move(socket)), log_failure);
  }
  return {};
}

template <typename Protocol>
asio::awaitable<void> AcceptLoop<Protocol>::run() {
  asio::steady_timer pause(loop_);
  while (!stopped_) {
    std::string trouble;
    error_code error;
    try {
      co_await acceptor_.async_wait(acceptor_.wait_read,
                                    asio::redirect_error(asio::use_awaitable, error));
      if (stopped_) co_return;
      trouble = error ? error.message() : accept_some();
    } catch (const std::exception& thrown) {
      trouble = thrown.what();
    }
    if (trouble.empty()) continue;
    spdlog::error("accept error=\"{}\"", trouble);
    pause.expires_after(kPause);
    co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
  }
}

template class AcceptLoop<asio::ip::tcp>;
template class AcceptLoop<asio::generic::stream_protocol>;

}  // namespace postern::listen
