// SPDX-License-Identifier: BSD-3-Clause
//
// The management API over a real Unix socket: framing, limits, and the life of the socket's file.
#include "dataplane/engine/api_server.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/dataplane/engine/memory_engine.h"

namespace postern {
namespace {

// A client that knows just enough HTTP to see what the server does with the bytes.
class Client {
 public:
  explicit Client(const std::string& path) : socket_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    timeval patience{60, 0};  // only the end of a hang
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~Client() { close(socket_); }
  Client(const Client&) = delete;
  bool connected() const { return connected_; }
  // Whether an answer has begun, or the connection has ended, before the end of a hang.
  bool is_answered() const {
    pollfd one{socket_, POLLIN, 0};
    return poll(&one, 1, 60'000) == 1;
  }

  void send(const std::string& bytes) {
    for (size_t sent = 0; sent < bytes.size();) {
      const auto n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return;  // refused early; what it says is then in what it answers
      sent += static_cast<size_t>(n);
    }
  }
  // One response, by its Content-Length; empty at the end of the connection.
  std::string receive() {
    size_t header_end;
    while ((header_end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return std::exchange(buffer_, "");
    const auto length_at = buffer_.find("Content-Length: ");
    size_t total = header_end + 4;
    if (length_at < header_end) total += std::stoul(buffer_.substr(length_at + 16));
    while (buffer_.size() < total)
      if (!more()) break;
    auto response = buffer_.substr(0, total);
    buffer_.erase(0, total);
    return response;
  }
  std::string ask(const std::string& method, const std::string& target,
                  const std::string& body = "") {
    send(method + " " + target + " HTTP/1.1\r\nHost: engine\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body);
    return receive();
  }

 private:
  bool more() {
    char bytes[4096];
    const auto n = recv(socket_, bytes, sizeof bytes, 0);
    if (n > 0) buffer_.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }
  int socket_;
  bool connected_ = false;
  std::string buffer_;
};

int status_of(const std::string& response) {
  return response.starts_with("HTTP/1.1 ") ? std::stoi(response.substr(9, 3)) : 0;
}

class ApiServerTest : public testing::Test {
 protected:
  ApiServerTest() {
    std::string name = testing::TempDir() + "postern-api-XXXXXX";
    directory_ = mkdtemp(name.data());
    path_ = directory_ + "/run/api.sock";
  }
  ~ApiServerTest() override {
    stop();
    std::filesystem::remove_all(directory_);
  }
  void start(ApiSettings settings = {}) {
    settings.socket = path_;
    server_ = std::make_unique<ApiServer>(engine_, settings);
    thread_ = std::thread([this] { server_->run(); });
  }
  void stop() {
    if (!thread_.joinable()) return;
    server_->stop();
    thread_.join();
    server_.reset();
  }

  MemoryEngine engine_{8192};
  std::string directory_, path_;
  std::unique_ptr<ApiServer> server_;
  std::thread thread_;
};

TEST_F(ApiServerTest, AnswersManyRequestsOnOneConnection) {
  start();
  Client client(path_);
  for (int i = 0; i < 3; i++) EXPECT_EQ(status_of(client.ask("GET", "/v1/health")), 200);
  EXPECT_EQ(status_of(client.ask("POST", "/v1/entries",
                                 R"({"prefix":"192.0.2.1/32","action":"drop","seconds":9})")),
            200);
  const auto entries = client.ask("GET", "/v1/entries");
  EXPECT_NE(entries.find("192.0.2.1/32"), std::string::npos) << entries;
  EXPECT_NE(entries.find("Content-Type: application/json"), std::string::npos) << entries;
}

TEST_F(ApiServerTest, AnswersRequestsThatCameTogether) {
  start();
  Client client(path_);
  const std::string request = "GET /v1/health HTTP/1.1\r\nHost: e\r\n\r\n";
  client.send(request + request + "PATCH /metrics HTTP/1.1\r\nHost: e\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
  EXPECT_EQ(status_of(client.receive()), 200);
  const auto refused = client.receive();
  EXPECT_EQ(status_of(refused), 405);
  EXPECT_NE(refused.find("Allow: GET\r\n"), std::string::npos) << refused;
}

// Who asks and does not read costs memory, of which there is so much and no more.
TEST_F(ApiServerTest, AnswersThatNobodyReadsAreBounded) {
  const auto now = monotonic_ns();
  for (uint32_t i = 0; i < 4000; i++)
    engine_.dynamic().add({*Prefix::make(IpAddress::v4(i * 77'777), 32, Prefix::HostBits::kRefuse),
                           Action::DROP, std::string(250, 'r'), UINT64_MAX},
                          now);
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < ApiServer::kMaxConnections - 1; i++) {
    clients.push_back(std::make_unique<Client>(path_));
    clients.back()->send("GET /v1/entries HTTP/1.1\r\nHost: e\r\n\r\n");
    ASSERT_TRUE(clients.back()->is_answered());
  }
  // Whatever waits, what was changed is said to be changed.
  const std::string body = R"({"prefix":"192.0.2.1/32","action":"drop","seconds":9})";
  Client other(path_);
  EXPECT_EQ(status_of(other.ask("POST", "/v1/entries", body)), 200);
  EXPECT_EQ(status_of(other.ask("DELETE", "/v1/entries", R"({"prefix":"192.0.2.1/32"})")), 200);
  EXPECT_EQ(status_of(other.ask("GET", "/v1/health")), 200);
  size_t bytes = 0, refused = 0;
  for (const auto& client : clients) {
    const auto answer = client->receive();
    if (status_of(answer) == 200) {
      EXPECT_EQ(refused, 0u) << "the first ones had room";
      bytes += answer.size();
    } else {
      EXPECT_EQ(status_of(answer), 503) << answer.substr(0, 200);
      refused++;
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GE(bytes, ApiServer::kMaxUnsentBytes);
  EXPECT_LT(bytes, ApiServer::kMaxUnsentBytes * 11 / 10);
  EXPECT_EQ(status_of(other.ask("GET", "/v1/entries")), 200) << "all was read since";
}

TEST_F(ApiServerTest, ClosesWhenAsked) {
  start();
  Client client(path_);
  client.send("GET /v1/health HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 200);
  EXPECT_EQ(client.receive(), "");
}

TEST_F(ApiServerTest, GoesOnWhenAClientWaitsForIt) {
  start();
  Client client(path_);
  const std::string body = R"({"prefix":"192.0.2.1/32","action":"drop","seconds":9})";
  client.send("POST /v1/entries HTTP/1.1\r\nHost: e\r\nExpect: 100-continue\r\nContent-Length: " +
              std::to_string(body.size()) + "\r\n\r\n");
  EXPECT_EQ(status_of(client.receive()), 100);
  client.send(body);
  EXPECT_EQ(status_of(client.receive()), 200);
}

TEST_F(ApiServerTest, RefusesABodyOverItsLimit) {
  start();
  Client said(path_);
  EXPECT_EQ(status_of(said.ask("POST", "/v1/entries", std::string(64 * 1024 + 1, ' '))), 413);
  EXPECT_EQ(said.receive(), "");
  Client chunked(path_);  // one that does not say how much is coming
  std::string chunks;
  for (int i = 0; i < 17; i++) chunks += "1000\r\n" + std::string(4096, ' ') + "\r\n";
  chunked.send("POST /v1/entries HTTP/1.1\r\nHost: e\r\nTransfer-Encoding: chunked\r\n\r\n" +
               chunks + "0\r\n\r\n");
  EXPECT_EQ(status_of(chunked.receive()), 413);
  Client fits(path_);
  EXPECT_EQ(status_of(fits.ask("POST", "/v1/entries", std::string(64 * 1024, ' '))), 400);
}

TEST_F(ApiServerTest, RefusesAHeaderOverItsLimitAndWhatIsNotHttp) {
  start();
  Client large(path_);
  large.send("GET /v1/health HTTP/1.1\r\nHost: e\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
  EXPECT_EQ(status_of(large.receive()), 431);
  Client other(path_);
  other.send("\x16\x03\x01 this is not HTTP\r\n\r\n");
  EXPECT_EQ(status_of(other.receive()), 400);
  Client alive(path_);
  EXPECT_EQ(status_of(alive.ask("GET", "/v1/health")), 200);
}

// The status that somebody else gets, of that user and those groups (the first is the primary one).
int status_for(uid_t user, const std::vector<gid_t>& groups, const std::string& path,
               const std::string& method, const std::string& target, const std::string& body = "") {
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(groups.size() - 1, groups.data() + 1) != 0 ||
        setresgid(groups[0], groups[0], groups[0]) != 0 || setresuid(user, user, user) != 0)
      _exit(255);
    Client client(path);
    if (!client.connected()) _exit(254);
    const int status = status_of(client.ask(method, target, body));
    _exit(status / 100 * 10 + status % 10);  // in the eight bits that there are
  }
  int ended = 0;
  waitpid(child, &ended, 0);
  return WEXITSTATUS(ended);
}

constexpr int kOk = 20, kForbidden = 43;  // 200, 403

TEST_F(ApiServerTest, GroupsSayWhoMayChangeAndWhoMayLook) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  start({.operators = "4242", .readers = "4243"});
  const std::string body = R"({"prefix":"192.0.2.1/32","action":"drop","seconds":9})";
  const auto look = [&](uid_t user, const std::vector<gid_t>& groups) {
    return status_for(user, groups, path_, "GET", "/v1/health");
  };
  const auto change = [&](uid_t user, const std::vector<gid_t>& groups) {
    return status_for(user, groups, path_, "POST", "/v1/entries", body);
  };
  EXPECT_EQ(look(0, {0}), kOk);
  EXPECT_EQ(change(0, {0}), kOk);
  EXPECT_EQ(change(1234, {4242}), kOk);
  EXPECT_EQ(change(1234, {99, 5, 4242}), kOk);  // by a supplementary group
  EXPECT_EQ(look(1234, {4243}), kOk);
  EXPECT_EQ(look(1234, {99, 4243}), kOk);
  EXPECT_EQ(change(1234, {4243}), kForbidden);
  EXPECT_EQ(look(1234, {99}), kForbidden);
  EXPECT_EQ(change(1234, {99, 5}), kForbidden);
  // More groups than are asked for at first.
  std::vector<gid_t> many = {99};
  for (gid_t group = 10'000; group < 10'100; group++) many.push_back(group);
  EXPECT_EQ(look(1234, many), kForbidden);
  many.push_back(4243);
  EXPECT_EQ(look(1234, many), kOk);
}

TEST_F(ApiServerTest, WhoMayDoNothingTakesNobodysPlace) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  start({.readers = "4243"});
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(0, nullptr) != 0 || setresgid(99, 99, 99) != 0 ||
        setresuid(1234, 1234, 1234) != 0)
      _exit(255);
    std::vector<std::unique_ptr<Client>> all;
    for (size_t i = 0; i < 4 * ApiServer::kMaxConnections; i++)
      all.push_back(std::make_unique<Client>(path_));
    _exit(status_of(Client(path_).ask("GET", "/v1/health")) == 200 ? 1 : 0);
  }
  int ended = 0;
  for (int i = 0; i < 20; i++) {
    Client client(path_);
    EXPECT_EQ(status_of(client.ask("GET", "/v1/health")), 200);
  }
  waitpid(child, &ended, 0);
  EXPECT_EQ(WEXITSTATUS(ended), 0);
}

TEST_F(ApiServerTest, ReadersLeavePlacesToOperators) {
  if (geteuid() != 0) GTEST_SKIP() << "becoming somebody else takes root";
  std::filesystem::permissions(directory_, std::filesystem::perms::all);
  start({.readers = "4243"});
  int held[2], over[2];
  ASSERT_EQ(pipe(held), 0);
  ASSERT_EQ(pipe(over), 0);
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(0, nullptr) != 0 || setresgid(4243, 4243, 4243) != 0 ||
        setresuid(1234, 1234, 1234) != 0)
      _exit(255);
    std::vector<std::unique_ptr<Client>> all;
    size_t served = 0;
    for (size_t i = 0; i < ApiServer::kMaxConnections; i++) {
      all.push_back(std::make_unique<Client>(path_));
      served += status_of(all.back()->ask("GET", "/v1/health")) == 200;
    }
    char octet = 'x';
    if (write(held[1], &octet, 1) != 1 || read(over[0], &octet, 1) != 1) _exit(254);
    _exit(static_cast<int>(served));
  }
  char octet = 'x';
  ASSERT_EQ(read(held[0], &octet, 1), 1);
  EXPECT_EQ(status_of(Client(path_).ask("GET", "/v1/health")), 200);
  ASSERT_EQ(write(over[1], &octet, 1), 1);
  int ended = 0;
  waitpid(child, &ended, 0);
  EXPECT_EQ(WEXITSTATUS(ended), static_cast<int>(ApiServer::kMaxReaders));
  for (const int end : {held[0], held[1], over[0], over[1]}) close(end);
}

TEST_F(ApiServerTest, AGroupThatThereIsNotIsRefused) {
  EXPECT_THROW(ApiServer(engine_, {.socket = path_, .operators = "no-such-group"}),
               std::runtime_error);
}

TEST_F(ApiServerTest, OneConnectionTooManyIsToldSo) {
  start();
  std::vector<std::unique_ptr<Client>> clients;
  for (size_t i = 0; i < ApiServer::kMaxConnections; i++) {
    clients.push_back(std::make_unique<Client>(path_));
    ASSERT_EQ(status_of(clients.back()->ask("GET", "/v1/health")), 200) << i;
  }
  // Refused ones stay connected for as long as the server lets them: they hold no place.
  std::vector<std::unique_ptr<Client>> refused;
  for (int i = 0; i < 3; i++) {
    refused.push_back(std::make_unique<Client>(path_));
    EXPECT_EQ(status_of(refused.back()->receive()), 503);
  }
  clients.pop_back();
  // Its place is free once the server has seen it go.
  int status = 0;
  for (int i = 0; i < 1000 && status != 200; i++) {
    Client again(path_);
    status = status_of(again.ask("GET", "/v1/health"));
  }
  EXPECT_EQ(status, 200);
}

TEST_F(ApiServerTest, TheSocketIsForOwnerAndGroupAndGoesWithTheServer) {
  start();
  struct stat found;
  ASSERT_EQ(lstat(path_.c_str(), &found), 0);
  EXPECT_TRUE(S_ISSOCK(found.st_mode));
  EXPECT_EQ(found.st_mode & 07777, 0660u);
  stop();
  EXPECT_NE(lstat(path_.c_str(), &found), 0);
}

TEST_F(ApiServerTest, ReplacesADeadSocketButNotALivingOneOrAFile) {
  std::filesystem::create_directories(directory_ + "/run");
  {
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    ASSERT_EQ(bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    close(dead);
  }
  start();
  EXPECT_EQ(status_of(Client(path_).ask("GET", "/v1/health")), 200);
  MemoryEngine other;
  EXPECT_THROW(ApiServer(other, {.socket = path_}), std::runtime_error);
  EXPECT_EQ(status_of(Client(path_).ask("GET", "/v1/health")), 200);

  const auto file = directory_ + "/run/file";
  std::ofstream(file) << "precious\n";
  EXPECT_THROW(ApiServer(other, {.socket = file}), std::runtime_error);
  EXPECT_TRUE(std::filesystem::exists(file));
  EXPECT_THROW(ApiServer(other, {.socket = "/" + std::string(200, 'x')}), std::runtime_error);
}

TEST_F(ApiServerTest, LeavesAFileThatIsNoLongerItsOwn) {
  start();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "someone else's\n";
  stop();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ApiServerTest, ASignalEndsIt) {
  start();
  EXPECT_EQ(status_of(Client(path_).ask("GET", "/v1/health")), 200);
  kill(getpid(), SIGTERM);
  thread_.join();
  server_.reset();
}

TEST_F(ApiServerTest, StopBeforeRunIsNotLost) {
  server_ = std::make_unique<ApiServer>(engine_, ApiSettings{.socket = path_});
  server_->stop();
  server_->run();
  server_.reset();
}

TEST_F(ApiServerTest, SweepsExpiredEntries) {
  const auto now = monotonic_ns();
  engine_.dynamic().add({*Prefix::parse("192.0.2.1/32", Prefix::HostBits::kRefuse), Action::DROP,
                         "", now + 1'000'000},
                        now);
  start();
  Client client(path_);
  std::string health;
  for (int i = 0; i < 300; i++) {
    health = client.ask("GET", "/v1/health");
    if (health.find("\"entries\":0") != std::string::npos) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  EXPECT_NE(health.find("\"entries\":0"), std::string::npos) << health;
}

}  // namespace
}  // namespace postern
