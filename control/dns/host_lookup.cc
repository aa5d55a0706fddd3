// SPDX-License-Identifier: BSD-3-Clause
//
// What thread and coroutine share outlives both, and says whether anybody waits still.
#include "control/dns/host_lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace postern::dns {

namespace asio = boost::asio;

namespace {

std::atomic<size_t> at_work{0};

struct Shared {
  std::mutex mutex;
  asio::steady_timer* waiting = nullptr;  // null: nobody waits any more
  bool done = false;
  HostAddresses found;
};

void work(const std::shared_ptr<Shared>& shared, const HostLookUp::Resolve& resolve,
          const std::string& host) {
  auto found = resolve(host);
  at_work--;
  const std::lock_guard lock(shared->mutex);
  shared->found = std::move(found);
  shared->done = true;
  if (shared->waiting == nullptr) return;
  asio::post(shared->waiting->get_executor(), [shared] {
    const std::lock_guard again(shared->mutex);
    if (shared->waiting != nullptr) shared->waiting->cancel();
  });
}

// Signals are for the loop's thread. False: there is no room for a thread.
bool start_thread(const std::shared_ptr<Shared>& shared, const HostLookUp::Resolve& resolve,
                  const std::string& host) {
  if (at_work.fetch_add(1) >= HostLookUp::kMost) {
    at_work--;
    return false;
  }
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  bool started = true;
  try {
    std::thread([shared, resolve, host] { work(shared, resolve, host); }).detach();
  } catch (const std::system_error&) {
    at_work--;
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started;
}

asio::ip::address address_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    return asio::ip::address_v4(ntohl(v4.sin_addr.s_addr));
  }
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof v6);
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
  return asio::ip::address_v6(bytes, v6.sin6_scope_id);
}

}  // namespace

size_t HostLookUp::under_way() noexcept {
  return at_work;
}

HostAddresses HostLookUp::by_the_system(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (failed != 0) return {.error = ::gai_strerror(failed)};
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  HostAddresses result;
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next)
    if (one->ai_family == AF_INET || one->ai_family == AF_INET6)
      result.addresses.push_back(address_of(*one->ai_addr));
  if (result.addresses.empty()) result.error = "it has no address";
  return result;
}

asio::awaitable<HostAddresses> HostLookUp::run(std::string host, std::chrono::milliseconds time) {
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  if (!error) co_return HostAddresses{.addresses = {address}};

  const auto shared = std::make_shared<Shared>();
  shared->waiting = &wait_;
  // Whichever way the coroutine ends, the thread leaves the timer alone.
  struct Place {
    Shared& shared;
    ~Place() {
      const std::lock_guard lock(shared.mutex);
      shared.waiting = nullptr;
    }
  } place{*shared};
  wait_.expires_after(time);
  if (!start_thread(shared, resolve_, host))
    co_return HostAddresses{.error = "too many names are being looked up"};
  boost::system::error_code woken;
  co_await wait_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  const std::lock_guard lock(shared->mutex);
  if (shared->done) co_return std::move(shared->found);
  co_return HostAddresses{.error = woken ? "given up" : "finding its address took too long"};
}

}  // namespace postern::dns
