// SPDX-License-Identifier: BSD-3-Clause
//
// One request, one connection: the API is asked seldom, and a connection that is made anew finds
// an engine that was restarted in between.
#include "control/web/engine_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <exception>

namespace postern::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

// A million dynamic entries as JSON are about 100 MB.
constexpr uint64_t kMaxReplyBytes = uint64_t{256} << 20;

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

asio::awaitable<ApiReply> exchange(std::string socket_path, std::string method, std::string target,
                                   boost::json::value body, std::chrono::milliseconds timeout) {
  const auto executor = co_await asio::this_coro::executor;
  error_code error;
  asio::local::stream_protocol::endpoint endpoint;
  std::string too_long;
  try {
    endpoint = asio::local::stream_protocol::endpoint(socket_path);
  } catch (const boost::system::system_error& e) {
    too_long = e.code().message();
  }
  if (!too_long.empty()) co_return unreachable(socket_path, too_long);

  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, "engine");
  request.keep_alive(false);
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = boost::json::serialize(body);
  }
  request.prepare_payload();

  Stream stream(executor);
  stream.expires_after(timeout);  // one deadline for all that follows
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream.async_connect(endpoint, token);
  if (error) co_return unreachable(socket_path, describe(error));
  co_await http::async_write(stream, request, token);
  if (error) co_return unreachable(socket_path, describe(error));
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxReplyBytes);
  co_await http::async_read(stream, buffer, parser, token);
  if (error) co_return unreachable(socket_path, describe(error));
  auto response = parser.release();
  const std::string content_type(response[http::field::content_type]);
  co_return read_reply(response.result_int(), content_type, std::move(response.body()));
}

}  // namespace

asio::awaitable<ApiReply> EngineClient::call(std::string method, std::string target,
                                             boost::json::value body,
                                             std::chrono::milliseconds timeout) {
  return exchange(socket_path_, std::move(method), std::move(target), std::move(body), timeout);
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
