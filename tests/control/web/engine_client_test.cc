// SPDX-License-Identifier: BSD-3-Clause
//
// EngineClient against a real HTTP server on a real Unix socket, made of Beast in a thread of its
// own: right answers, refusals, answers that are not what they should be, and no answer at all.
#include "control/web/engine_client.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <functional>
#include <string>
#include <thread>

namespace postern::web {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using Socket = asio::local::stream_protocol::socket;
using Request = http::request<http::string_body>;

constexpr auto kPatience = 60s;  // only the end of a hang

std::string fresh_path() {
  static int number = 0;
  return "/tmp/postern-web-" + std::to_string(::getpid()) + "-" + std::to_string(number++) +
         ".sock";
}

// Accepts one connection and hands it over.
class OneShotServer {
 public:
  explicit OneShotServer(std::function<void(Socket)> serve)
      : path_(fresh_path()), acceptor_(loop_, asio::local::stream_protocol::endpoint(path_)) {
    thread_ = std::thread([this, serve = std::move(serve)] { serve(acceptor_.accept()); });
  }
  ~OneShotServer() {
    thread_.join();
    ::unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  asio::io_context loop_;
  asio::local::stream_protocol::acceptor acceptor_;
  std::thread thread_;
};

Request read_request(Socket& socket) {
  beast::flat_buffer buffer;
  Request request;
  http::read(socket, buffer, request);
  return request;
}

void answer(Socket& socket, http::status status, const std::string& type, const std::string& body) {
  http::response<http::string_body> response(status, 11);
  response.set(http::field::content_type, type);
  response.body() = body;
  response.prepare_payload();
  http::write(socket, response);
}

TEST(EngineClient, PostsJsonAndReadsTheAnswer) {
  Request seen;
  OneShotServer server([&](Socket socket) {
    seen = read_request(socket);
    answer(socket, http::status::ok, "application/json", R"({"prefix":"203.0.113.7/32"})");
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking(
      "POST", "/v1/entries", {{"prefix", "203.0.113.7/32"}, {"seconds", 60}}, kPatience);
  EXPECT_TRUE(reply.ok());
  EXPECT_EQ(reply.status, 200u);
  EXPECT_EQ(reply.body.at("prefix").as_string(), "203.0.113.7/32");
  EXPECT_EQ(reply.error, "");
  EXPECT_EQ(seen.method_string(), "POST");
  EXPECT_EQ(seen.target(), "/v1/entries");
  EXPECT_EQ(seen[http::field::content_type], "application/json");
  EXPECT_EQ(boost::json::parse(seen.body()).at("seconds").as_int64(), 60);
}

TEST(EngineClient, GetsWithoutABody) {
  Request seen;
  OneShotServer server([&](Socket socket) {
    seen = read_request(socket);
    answer(socket, http::status::ok, "text/plain; version=0.0.4", "postern_dynamic_entries 3\n");
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("GET", "/metrics", nullptr, kPatience);
  EXPECT_TRUE(reply.ok());
  EXPECT_EQ(reply.text, "postern_dynamic_entries 3\n");
  EXPECT_TRUE(reply.body.is_null());
  EXPECT_EQ(seen.body(), "");
  EXPECT_EQ(seen.count(http::field::content_type), 0u);
}

TEST(EngineClient, CarriesTheEnginesErrorBack) {
  OneShotServer server([](Socket socket) {
    read_request(socket);
    answer(socket, http::status::unprocessable_entity, "application/json",
           R"({"error":"entries cannot have /31"})");
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("POST", "/v1/entries", {{"prefix", "x"}}, kPatience);
  EXPECT_FALSE(reply.ok());
  EXPECT_EQ(reply.status, 422u);
  EXPECT_EQ(reply.error, "entries cannot have /31");
}

TEST(EngineClient, AnErrorWithoutJsonStillHasAText) {
  OneShotServer server([](Socket socket) {
    read_request(socket);
    answer(socket, http::status::not_found, "text/html", "<h1>no</h1>");
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("GET", "/v1/nothing", nullptr, kPatience);
  EXPECT_EQ(reply.status, 404u);
  EXPECT_EQ(reply.error, "HTTP status 404");
}

TEST(EngineClient, ASuccessThatIsNotJsonIsNoSuccess) {
  OneShotServer server([](Socket socket) {
    read_request(socket);
    answer(socket, http::status::ok, "application/json", "{\"generation\":");
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("GET", "/v1/health", nullptr, kPatience);
  EXPECT_FALSE(reply.ok());
  EXPECT_NE(reply.error.find("not JSON"), std::string::npos) << reply.error;
}

TEST(EngineClient, NobodyListens) {
  EngineClient client(fresh_path());
  const auto reply = client.call_blocking("GET", "/v1/health", nullptr, kPatience);
  EXPECT_EQ(reply.status, 0u);
  EXPECT_NE(reply.error.find("No such file"), std::string::npos) << reply.error;
}

TEST(EngineClient, APathThatNoSocketCanHave) {
  EngineClient client(std::string(300, 'x'));
  const auto reply = client.call_blocking("GET", "/v1/health", nullptr, kPatience);
  EXPECT_EQ(reply.status, 0u);
  EXPECT_FALSE(reply.error.empty());
}

TEST(EngineClient, AnEngineThatStallsEndsAtTheTimeout) {
  OneShotServer server([](Socket socket) {
    // Until the client hangs up, which it may have done before it sent anything.
    char bytes[4096];
    for (boost::system::error_code gone; !gone;) socket.read_some(asio::buffer(bytes), gone);
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("GET", "/v1/health", nullptr, 50ms);
  EXPECT_EQ(reply.status, 0u);
  EXPECT_NE(reply.error.find("within the time"), std::string::npos) << reply.error;
}

TEST(EngineClient, AnAnswerCutShortIsAnError) {
  OneShotServer server([](Socket socket) {
    read_request(socket);
    asio::write(socket,
                asio::buffer(std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")));
  });
  EngineClient client(server.path());
  const auto reply = client.call_blocking("GET", "/v1/health", nullptr, kPatience);
  EXPECT_EQ(reply.status, 0u);
  EXPECT_FALSE(reply.error.empty());
}

}  // namespace
}  // namespace postern::web
