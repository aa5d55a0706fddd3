// SPDX-License-Identifier: BSD-3-Clause
//
// The pair's far end is ours; when either side ends, the other is closed, and libldap sees the end
// of its connection.
#include "control/directory/ldap_transport.h"

#include <fcntl.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

#include "control/directory/start_tls.h"
#include "control/dns/host_lookup.h"
#include "control/loop/launch.h"

namespace postern::directory {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;
using boost::system::error_code;

namespace {

constexpr size_t kChunk = 16384;

struct Tunnel {
  Tunnel(tcp::socket socket, std::shared_ptr<asio::ssl::context> context)
      : tls(std::move(context)), far(std::move(socket), *tls), near(far.get_executor()) {}

  void close() {
    error_code ignored;
    near.close(ignored);
    far.lowest_layer().close(ignored);
  }

  std::shared_ptr<asio::ssl::context> tls;
  asio::ssl::stream<tcp::socket> far;
  stream_protocol::socket near;
};

template <typename From, typename To>
asio::awaitable<void> carry(std::shared_ptr<Tunnel> tunnel, From& from, To& to) {
  std::array<char, kChunk> buffer;
  error_code error;
  while (!error) {
    const size_t count = co_await from.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(to, asio::buffer(buffer.data(), count),
                               asio::redirect_error(asio::use_awaitable, error));
  }
  tunnel->close();
}

asio::awaitable<void> ask_for_tls(tcp::socket& socket) {
  const std::string request = start_tls_request();
  co_await asio::async_write(socket, asio::buffer(request), asio::use_awaitable);
  std::string said;
  std::array<char, 512> buffer;
  for (;;) {
    const size_t count = co_await socket.async_read_some(asio::buffer(buffer), asio::use_awaitable);
    said.append(buffer.data(), count);
    const auto reading = read_start_tls_response(said);
    if (reading.broken) throw std::runtime_error("StartTLS: what it says is not LDAP");
    if (!reading.response) continue;
    if (reading.response->code != 0)
      throw std::runtime_error("StartTLS is refused: " + reading.response->diagnostic);
    // What was said in plain behind the response may be anybody's.
    if (said.size() != reading.response->length)
      throw std::runtime_error("StartTLS: octets in plain behind the response");
    co_return;
  }
}

int take_descriptor(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFL);
  ::fcntl(descriptor, F_SETFL, flags | O_NONBLOCK);
  ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return descriptor;
}

}  // namespace

std::shared_ptr<asio::ssl::context> make_ldap_tls(const LdapTransportOptions& options) {
  auto context = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  context->set_verify_mode(asio::ssl::verify_peer);
  error_code error;
  if (options.ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(options.ca_file, error);
  if (error) throw std::runtime_error(options.ca_file + ": " + error.message());
  return context;
}

asio::awaitable<int> connect_to(LdapServer server, bool start_tls,
                                std::shared_ptr<asio::ssl::context> tls,
                                std::chrono::milliseconds time) {
  const auto executor = co_await asio::this_coro::executor;
  if (server.transport == LdapServer::Transport::kLocal) {
    stream_protocol::socket socket(executor);
    co_await socket.async_connect(stream_protocol::endpoint(server.path), asio::use_awaitable);
    co_return take_descriptor(socket.release());
  }
  dns::HostLookUp look_up(executor);
  const auto found = co_await look_up.run(server.host, time);
  if (found.addresses.empty()) throw std::runtime_error(found.error);
  std::vector<tcp::endpoint> endpoints;
  for (const auto& address : found.addresses)
    endpoints.emplace_back(address, static_cast<uint16_t>(std::stoul(server.port)));
  tcp::socket socket(executor);
  co_await asio::async_connect(socket, endpoints, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  socket.set_option(asio::socket_base::keep_alive(true));
  const bool through_tls = server.transport == LdapServer::Transport::kTls;
  if (!through_tls && !start_tls) co_return take_descriptor(socket.release());

  if (!through_tls) co_await ask_for_tls(socket);
  auto tunnel = std::make_shared<Tunnel>(std::move(socket), std::move(tls));
  error_code ignored;
  asio::ip::make_address(server.host, ignored);
  // A name is told to the server (RFC 6066 §3), an address is not.
  if (ignored) SSL_set_tlsext_host_name(tunnel->far.native_handle(), server.host.c_str());
  tunnel->far.set_verify_callback(asio::ssl::host_name_verification(server.host));
  co_await tunnel->far.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
  stream_protocol::socket ours(executor);
  asio::local::connect_pair(tunnel->near, ours);
  loop::launch(executor, carry(tunnel, tunnel->near, tunnel->far));
  loop::launch(executor, carry(tunnel, tunnel->far, tunnel->near));
  co_return take_descriptor(ours.release());
}

}  // namespace postern::directory
