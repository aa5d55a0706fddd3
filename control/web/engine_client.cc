// SPDX-License-Identifier: BSD-3-Clause
//
// One request, one connection: the API is asked seldom, and a connection that is made anew finds
// an engine that was restarted in between.
#include "control/web/engine_client.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <exception>
#include <optional>
#include <stdexcept>

namespace postern::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

// Entries and samples come by the page; what all rules counted is some megabytes at most.
constexpr uint64_t kMaxReplyBytes = uint64_t{64} << 20;

std::string describe(const error_code& error) {
  return error == beast::error::timeout ? "no answer within the time allowed" : error.message();
}

ApiReply unreachable(const std::string& socket_path, const std::string& what) {
  ApiReply reply;
  reply.error = socket_path + ": " + what;
  return reply;
}

ApiReply read_reply(unsigned status, std::string_view content_type, std::string text) {
  ApiReply reply;
  reply.status = status;
  reply.text = std::move(text);
  if (content_type.starts_with("application/json")) {
    error_code bad;
    reply.body = boost::json::parse(reply.text, bad);
    if (bad) {
      reply.body = nullptr;
      if (reply.ok()) {
        // A 2xx whose body cannot be understood is not a success that anyone could rely on.
        reply.status = 0;
        reply.error = "the answer is not JSON: " + bad.message();
        return reply;
      }
    }
  }
  if (!reply.ok()) {
    if (const auto* object = reply.body.if_object()) {
      const auto* error = object->if_contains("error");
      if (error != nullptr && error->is_string()) reply.error = error->get_string().c_str();
    }
    if (reply.error.empty()) reply.error = "HTTP status " + std::to_string(status);
  }
  return reply;
}

http::request<http::string_body> request_of(const std::string& method, const std::string& target,
                                            const std::string& host,
                                            const boost::json::value& body) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, host);
  request.keep_alive(false);
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = boost::json::serialize(body);
  }
  request.prepare_payload();
  return request;
}

// Over a stream that is connected, and has its deadline.
template <typename AnyStream>
asio::awaitable<ApiReply> exchange(AnyStream& stream, const std::string& engine,
                                   const http::request<http::string_body>& request) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await http::async_write(stream, request, token);
  if (error) co_return unreachable(engine, describe(error));
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxReplyBytes);
  co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return unreachable(engine, describe(error));
  auto response = parser.release();
  const std::string content_type(response[http::field::content_type]);
  co_return read_reply(response.result_int(), content_type, std::move(response.body()));
}

asio::awaitable<ApiReply> call_unix(std::string path, std::string method, std::string target,
                                    boost::json::value body, std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  error_code error;
  asio::local::stream_protocol::endpoint endpoint;
  std::string too_long;
  try {
    endpoint = asio::local::stream_protocol::endpoint(path);
  } catch (const boost::system::system_error& e) {
    too_long = e.code().message();
  }
  if (!too_long.empty()) co_return unreachable(path, too_long);
  Stream stream(executor);
  stream.expires_after(timeout);  // one deadline for all that follows
  co_await stream.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return unreachable(path, describe(error));
  const auto request = request_of(method, target, "engine", body);
  auto reply = co_await exchange(stream, path, request);
  co_return reply;
}

constexpr std::string_view kHttps = "https://";

struct HostAndPort {
  std::string host, port;
};

// "https://192.0.2.1:8443", "https://[2001:db8::1]:8443/"; nullopt for anything else.
std::optional<HostAndPort> host_and_port(std::string_view url) {
  url.remove_prefix(kHttps.size());
  if (url.ends_with('/')) url.remove_suffix(1);
  const auto colon = url.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = url.substr(0, colon);
  const auto port = url.substr(colon + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || port.empty() || port.size() > 5 ||
      port.find_first_not_of("0123456789") != std::string_view::npos ||
      host.find_first_of("/@?# ") != std::string_view::npos)
    return std::nullopt;
  return HostAndPort{std::string(host), std::string(port)};
}

// Throws std::runtime_error that names the file.
asio::ssl::context context_for(const EngineCredentials& credentials) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  error_code error;
  const auto check = [&](const char* what, const std::string& file) {
    if (error)
      throw std::runtime_error("the " + std::string(what) + " " + file +
                               " cannot be used: " + error.message());
  };
  if (credentials.certificate.empty() || credentials.key.empty() || credentials.authority.empty())
    throw std::runtime_error("a certificate, its key and an authority are needed for https");
  if (credentials.certificate_text.empty())
    context.use_certificate_chain_file(credentials.certificate, error);
  else
    context.use_certificate_chain(asio::buffer(credentials.certificate_text), error);
  check("certificate", credentials.certificate);
  // That it is the certificate's, OpenSSL looks at here.
  if (credentials.key_text.empty())
    context.use_private_key_file(credentials.key, asio::ssl::context::pem, error);
  else
    context.use_private_key(asio::buffer(credentials.key_text), asio::ssl::context::pem, error);
  check("key", credentials.key);
  context.load_verify_file(credentials.authority, error);
  check("authority", credentials.authority);
  context.set_verify_mode(asio::ssl::verify_peer);
  return context;
}

asio::awaitable<ApiReply> call_tls(std::string engine, EngineCredentials credentials,
                                   std::string method, std::string target, boost::json::value body,
                                   std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  const auto place = host_and_port(engine);
  if (!place) co_return unreachable(engine, "is not https://HOST:PORT");
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  asio::ip::tcp::resolver resolver(executor);
  const auto found = co_await resolver.async_resolve(place->host, place->port, token);
  if (error) co_return unreachable(engine, describe(error));

  std::optional<asio::ssl::context> context;
  std::string unusable;
  try {
    context.emplace(context_for(credentials));
  } catch (const std::runtime_error& e) {
    unusable = e.what();
  }
  if (!context) co_return unreachable(engine, unusable);
  beast::ssl_stream<beast::tcp_stream> stream(executor, *context);
  stream.set_verify_callback(asio::ssl::host_name_verification(place->host), error);
  SSL_set_tlsext_host_name(stream.native_handle(), place->host.c_str());
  auto& lowest = beast::get_lowest_layer(stream);
  lowest.expires_after(timeout);  // one deadline for all that follows
  co_await lowest.async_connect(found, token);
  if (error) co_return unreachable(engine, describe(error));
  co_await stream.async_handshake(asio::ssl::stream_base::client, token);
  if (error) co_return unreachable(engine, describe(error));
  const auto request = request_of(method, target, place->host, body);
  auto reply = co_await exchange(stream, engine, request);
  co_return reply;
}

}  // namespace

bool is_over_tls(std::string_view engine) noexcept {
  return engine.starts_with(kHttps);
}

void require_usable(const EngineCredentials& credentials) {
  context_for(credentials);
}

asio::awaitable<ApiReply> EngineClient::call(std::string method, std::string target,
                                             boost::json::value body,
                                             std::chrono::milliseconds timeout) {
  if (is_over_tls(engine_))
    return call_tls(engine_, credentials_, std::move(method), std::move(target), std::move(body),
                    timeout);
  return call_unix(engine_, std::move(method), std::move(target), std::move(body), timeout);
}

ApiReply EngineClient::call_blocking(std::string method, std::string target,
                                     boost::json::value body, std::chrono::milliseconds timeout) {
  asio::io_context loop(1);
  ApiReply reply;
  std::exception_ptr failure;
  asio::co_spawn(loop, call(std::move(method), std::move(target), std::move(body), timeout),
                 [&](std::exception_ptr thrown, ApiReply got) {
                   failure = thrown;
                   reply = std::move(got);
                 });
  loop.run();
  if (failure) std::rethrow_exception(failure);
  return reply;
}

}  // namespace postern::web
