// SPDX-License-Identifier: BSD-3-Clause
//
// Requests and answers, whatever carries them (dataplane/engine/http_session.h).
#include "dataplane/engine/http_session.h"

#include <boost/asio/this_coro.hpp>
#include <string_view>

namespace postern {

HttpSession::Response HttpSession::response_of(ApiAnswer answer, unsigned version) {
  Response response(static_cast<http::status>(answer.status), version);
  response.set(http::field::server, "postern/" POSTERN_VERSION);
  response.set(http::field::content_type,
               beast::string_view(answer.content_type.data(), answer.content_type.size()));
  if (!answer.allow.empty())
    response.set(http::field::allow, beast::string_view(answer.allow.data(), answer.allow.size()));
  response.body() = std::move(answer.body);
  response.prepare_payload();
  return response;
}

ApiAnswer HttpSession::answer_to_error(const beast::error_code& error) {
  if (error == http::error::body_limit) return api_error(413, "the body is over 64 KiB");
  if (error == http::error::header_limit || error == http::error::buffer_overflow)
    return api_error(431, "the header is over 8 KiB");
  if (error == http::error::end_of_stream || error == http::error::partial_message ||
      error.category() != make_error_code(http::error::bad_method).category())
    return {0, {}};
  return api_error(400, "not HTTP/1.1: " + error.message());
}

asio::awaitable<ApiAnswer> HttpSession::answer_to(const http::request<http::string_body>& message) {
  const std::string_view method(message.method_string().data(), message.method_string().size());
  const std::string_view target(message.target().data(), message.target().size());
  const auto executor = co_await asio::this_coro::executor;
  asio::steady_timer timer(executor);
  const auto came = std::chrono::steady_clock::now();
  for (;;) {
    const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - came);
    auto answer = api_.handle(caller_, method, target, message.body(), waited);
    if (!answer.pending) co_return answer;
    timer.expires_after(Api::kSampleInterval);
    co_await timer.async_wait(kAwait);
  }
}

}  // namespace postern
