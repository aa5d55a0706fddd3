// SPDX-License-Identifier: BSD-3-Clause
//
// Who speaks before the greeting or says a bot's name, often enough, is told to the engines: over
// their API on real Unix sockets, also when an engine comes up only later, and never for a source
// that a rule allows.
#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/json/parse.hpp>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/learning/learned_file.h"
#include "tests/control/auth/signer.h"
#include "tests/control/policy/table_text.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using std::chrono::milliseconds;

// The /v1/entries of an engine; remembers what it was told, answers with a status. Other questions
// are answered as by an engine that has just started.
class ListeningEngine {
 public:
  explicit ListeningEngine(const std::string& path, http::status status = http::status::ok)
      : acceptor_(loop_, asio::local::stream_protocol::endpoint(path)), status_(status) {
    thread_ = std::thread([this] { serve(); });
  }
  ~ListeningEngine() {
    asio::local::stream_protocol::socket last(loop_);
    ended_ = true;
    boost::system::error_code ignored;
    const auto path = acceptor_.local_endpoint().path();
    last.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
    ::unlink(path.c_str());
  }
  // Waits until there are so many: entries, and prefixes whose entry is to go.
  std::vector<boost::json::value> bodies(size_t count) { return wait(bodies_, count); }
  std::vector<boost::json::value> removals(size_t count) { return wait(removals_, count); }

 private:
  std::vector<boost::json::value> wait(std::vector<boost::json::value>& told, size_t count) {
    std::unique_lock lock(mutex_);
    came_.wait_for(lock, std::chrono::seconds{60}, [&] { return told.size() >= count; });
    return told;
  }
  void serve() {
    for (;;) {
      auto socket = acceptor_.accept();
      if (ended_) return;
      beast::flat_buffer buffer;
      http::request<http::string_body> request;
      boost::system::error_code error;
      http::read(socket, buffer, request, error);
      const bool asked = request.method() == http::verb::get;
      http::response<http::string_body> response(asked ? http::status::ok : status_, 11);
      response.set(http::field::content_type, "application/json");
      response.body() = R"({"prefix":"x","error":"as told","uptime":0})";
      response.prepare_payload();
      http::write(socket, response, error);
      if (asked || error) continue;
      const std::lock_guard lock(mutex_);
      auto& told = request.method() == http::verb::delete_ ? removals_ : bodies_;
      told.push_back(boost::json::parse(request.body()));
      came_.notify_all();
    }
  }

  asio::io_context loop_;
  asio::local::stream_protocol::acceptor acceptor_;
  http::status status_;
  std::mutex mutex_;
  std::condition_variable came_;
  std::vector<boost::json::value> bodies_, removals_;
  std::thread thread_;
  std::atomic<bool> ended_ = false;
};

class Learning : public testing::Test {
 protected:
  Learning() : path_("/tmp/postern-learn-" + std::to_string(::getpid()) + ".sock") {
    // Who speaks ends it: however late this test's thread is, it speaks before the greeting.
    proxy_.options.greet_pause = milliseconds{60'000};
    proxy_.learns = true;
    auto& learning = proxy_.learning_options;
    learning.teacher.engines = {path_};
    learning.gate.learn_for = std::chrono::seconds{120};
    learning.teacher.first_retry = milliseconds{20};
    learning.teacher.last_retry = milliseconds{200};
    proxy_.evidence_options.threshold = 3;
  }
  std::string talk_early() {
    MailClient client(proxy_.port());
    client.send("EHLO ylmf-pc\r\n");
    return client.rest();
  }
  // Who never is told to the engines is not, however long one waits.
  bool nothing_is_learned(ListeningEngine& engine) {
    const bool drained = proxy_.drain(milliseconds{10'000});
    return drained && proxy_.on_loop([&] { return proxy_.learning().size(); }) == 0 &&
           engine.bodies(0).empty();
  }
  std::string path_;
  RunningProxy proxy_;
};

TEST_F(Learning, ThreeEarlyTalkersBecomeOneEntry) {
  ListeningEngine engine(path_);
  proxy_.start();
  for (int i = 0; i < 3; i++)
    EXPECT_TRUE(
        talk_early().starts_with("220-mx.example ESMTP Postern\r\n"
                                 "554 5.5.1 you spoke before the greeting"))
        << i;
  const auto bodies = engine.bodies(1);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].at("prefix").as_string(), "127.0.0.1/32");
  EXPECT_EQ(bodies[0].at("action").as_string(), "drop");
  EXPECT_GT(bodies[0].at("seconds").to_number<int>(), 60);
  EXPECT_LE(bodies[0].at("seconds").to_number<int>(), 120);
  EXPECT_NE(std::string(bodies[0].at("reason").as_string()).find("spoke before the greeting (3)"),
            std::string::npos);
}

TEST_F(Learning, ABotsNameIsRefusedAndCounts) {
  proxy_.options.greet_pause = milliseconds{0};
  ListeningEngine engine(path_);
  proxy_.start();
  for (int i = 0; i < 3; i++) {
    MailClient client(proxy_.port());
    client.reply();
    EXPECT_TRUE(client.say("EHLO YLMF-PC").starts_with("550 5.7.1 refused")) << i;
    EXPECT_TRUE(client.say("HELO ylmf-pc").starts_with("550 5.7.1 ")) << "one offence a session";
    EXPECT_TRUE(client.say("MAIL FROM:<>").starts_with("503 "));
  }
  const auto bodies = engine.bodies(1);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_NE(std::string(bodies[0].at("reason").as_string()).find("said HELO YLMF-PC (3)"),
            std::string::npos);
}

// What the XDP engine leaves to control.
TEST_F(Learning, ASignatureEndsTheSessionAndTeaches) {
  proxy_.options.greet_pause = milliseconds{0};
  proxy_.more_policy = "signature rude /rude[0-9]/ reset learn 5m\nsignature dull /^dull$/ drop\n";
  ListeningEngine engine(path_);
  proxy_.start();
  {
    MailClient client(proxy_.port());
    client.reply();
    client.send("EHLO dull\r\n");
    EXPECT_EQ(client.rest(), "");
    EXPECT_FALSE(client.was_reset());
  }
  {
    MailClient client(proxy_.port());
    client.reply();
    client.send("HELO a.Rude7.example\r\n");
    EXPECT_EQ(client.rest(), "");
    EXPECT_TRUE(client.was_reset());
  }
  {
    MailClient client(proxy_.port());
    client.reply();
    EXPECT_TRUE(client.say("EHLO dull.example").starts_with("250"));
  }
  const auto bodies = engine.bodies(1);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].at("prefix").as_string(), "127.0.0.1/32");
  EXPECT_EQ(bodies[0].at("reason").as_string(), "signature rude");
  EXPECT_GT(bodies[0].at("seconds").to_number<int>(), 200);  // of its own, not the 120 of others
}

TEST_F(Learning, ARuleTeachesWhatItSaw) {
  proxy_.options.greet_pause = milliseconds{0};
  proxy_.names = policy::test::name_classes();
  dns::Answer name, address;
  name.status = address.status = dns::Status::kFound;
  name.records = {"pool-7.isp.example"};
  address.records = {"127.0.0.1"};
  proxy_.resolver.set("1.0.0.127.in-addr.arpa", dns::RecordType::kPtr, name);
  proxy_.resolver.set("pool-7.isp.example", dns::RecordType::kA, address);
  ListeningEngine engine(path_);
  proxy_.start("    reject name = dynamic learn 5m\n    accept any\n");
  const auto client = greeted(proxy_);
  EXPECT_TRUE(send_message(*client, "A: b\r\n\r\nx\r\n").starts_with("550"));
  // Once for a message, however many recipients it is for.
  client->say("RCPT TO:<other@d.example>");
  const auto bodies = engine.bodies(1);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].at("prefix").as_string(), "127.0.0.1/32");
  EXPECT_GT(bodies[0].at("seconds").to_number<int>(), 200);  // of its own, not the 120 of others
  const std::string reason(bodies[0].at("reason").as_string());
  EXPECT_NE(reason.find("\"reject name = dynamic learn 5m\", reverse name pool-7.isp.example "
                        "(dynamic, isp.pcre:1), confirmed"),
            std::string::npos)
      << reason;
}

TEST_F(Learning, ARuleTeachesNothingOfWhoIsAllowed) {
  proxy_.options.greet_pause = milliseconds{0};
  ListeningEngine engine(path_);
  proxy_.start("    reject rdns = none learn 5m\n", "    allow category local\n");
  EXPECT_TRUE(send_message(*greeted(proxy_), "A: b\r\n\r\nx\r\n").starts_with("550"));
  EXPECT_TRUE(nothing_is_learned(engine));
}

TEST_F(Learning, ASignatureIsNotForWhoIsAllowed) {
  proxy_.options.greet_pause = milliseconds{0};
  proxy_.more_policy = "signature dull /dull/ reset learn 5m\n";
  ListeningEngine engine(path_);
  proxy_.start("    accept any\n", "    allow category local\n");
  MailClient client(proxy_.port());
  client.reply();
  EXPECT_TRUE(client.say("EHLO dull").starts_with("250"));
}

TEST_F(Learning, AnEngineThatIsDownIsToldLater) {
  proxy_.start();
  for (int i = 0; i < 3; i++) talk_early();
  // Mail goes on meanwhile.
  proxy_.on_loop([&] { proxy_.options.greet_pause = milliseconds{0}; });
  EXPECT_TRUE(send_message(*greeted(proxy_), "A: b\r\n\r\nx\r\n").starts_with("250 "));
  ListeningEngine engine(path_);
  EXPECT_EQ(engine.bodies(1).size(), 1u);
}

TEST_F(Learning, AnEngineThatRefusesIsNotAskedAgain) {
  ListeningEngine engine(path_, http::status::unprocessable_entity);
  proxy_.start();
  for (int i = 0; i < 6; i++) talk_early();
  EXPECT_EQ(engine.bodies(2).size(), 2u) << "one for each three offences";
}

TEST_F(Learning, WhoIsAllowedIsNeverLearned) {
  ListeningEngine engine(path_);
  proxy_.start("    accept any\n", "    allow category local\n");
  for (int i = 0; i < 4; i++) {
    // And gets its greeting, and its turn.
    MailClient client(proxy_.port());
    client.send("EHLO ylmf-pc\r\n");
    EXPECT_TRUE(client.reply().starts_with("220 "));
    EXPECT_TRUE(client.reply().starts_with("250-"));
  }
  EXPECT_TRUE(nothing_is_learned(engine));
}

TEST_F(Learning, WhoWasAllowedUntilJustNowIsJudgedAgain) {
  ListeningEngine engine(path_);
  proxy_.local_list_details = " expires 1d";
  std::filesystem::last_write_time(proxy_.local_list_path(),
                                   std::filesystem::file_time_type::clock::now() -
                                       std::chrono::hours{24} + std::chrono::seconds{2});
  proxy_.start("    accept any\n", "    allow category local\n");
  // The list expires within two seconds.
  bool refused = false;
  for (int i = 0; i < 600 && !refused; i++) {
    MailClient client(proxy_.port());
    client.send("EHLO ylmf-pc\r\n");
    refused =
        client.reply().find("\r\n554 5.5.1 you spoke before the greeting") != std::string::npos;
    if (!refused) std::this_thread::sleep_for(milliseconds{100});
  }
  EXPECT_TRUE(refused);
}

TEST_F(Learning, ABrokenSignatureIsNoEvidence) {
  proxy_.options.greet_pause = milliseconds{0};
  ListeningEngine engine(path_);
  proxy_.start("    reject dkim != pass\n");
  const auto client = greeted(proxy_);
  const std::string broken =
      "DKIM-Signature: v=1; a=rsa-sha256; d=x.example; s=s; h=from; bh=AAAA; b=AAAA\r\n"
      "From: <a@b.example>\r\n\r\nx\r\n";
  for (int i = 0; i < 5; i++) EXPECT_TRUE(send_message(*client, broken).starts_with("550 "));
  EXPECT_TRUE(nothing_is_learned(engine));
}

TEST_F(Learning, WhatIsKnownSaysWhichSessionsItRestsOn) {
  proxy_.start();
  for (int i = 0; i < 3; i++) talk_early();
  const auto prefix = *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
  const auto entry = proxy_.on_loop([&] {
    const auto* known = proxy_.learning().find(prefix, std::time(nullptr));
    return known == nullptr ? learning::LearnedEntry{} : *known;
  });
  EXPECT_EQ(entry.rule, "offences");
  ASSERT_EQ(entry.evidence.size(), 3u);
  EXPECT_NE(entry.evidence[0].id, entry.evidence[1].id) << "each session has its own";
  EXPECT_NE(entry.evidence[0].id.find('-'), std::string::npos);
  EXPECT_EQ(entry.evidence[2].what, "spoke before the greeting");
}

// With a good reputation, by hand, and a message of its that the farm took.
TEST_F(Learning, WhoSentGoodMailIsNotLearned) {
  proxy_.options.greet_pause = milliseconds{0};
  const auto key = auth::SigningKey::ed25519();
  proxy_.resolver.set_text("s._domainkey.good.example",
                           {"v=DKIM1; k=ed25519; p=" + key.public_part()});
  for (int i = 0; i < 50; i++)
    proxy_.store.record("good.example", reputation::Outcome::kAccepted, 1000);
  ListeningEngine engine(path_);
  proxy_.start();
  const std::string text = "From: <a@good.example>\r\nSubject: x\r\n\r\nHello.\r\n";
  const auto message = auth::sign_message(
      text, "v=1; a=ed25519-sha256; c=simple/simple; d=good.example; s=s; h=from:subject", key);
  EXPECT_TRUE(send_message(*greeted(proxy_), message).starts_with("250 "));
  for (int i = 0; i < 6; i++) {
    MailClient client(proxy_.port());
    client.reply();
    EXPECT_TRUE(client.say("EHLO ylmf-pc").starts_with("550 5.7.1 "));
  }
  EXPECT_TRUE(nothing_is_learned(engine));
}

TEST_F(Learning, AnEngineThatWasAwayIsToldAllAgain) {
  proxy_.learning_options.teacher.check_time = milliseconds{20};
  proxy_.start();
  {
    ListeningEngine engine(path_);
    for (int i = 0; i < 3; i++) talk_early();
    EXPECT_EQ(engine.bodies(1).size(), 1u);
  }
  // Longer than the time after which it is asked; then it is another one.
  std::this_thread::sleep_for(milliseconds{300});
  ListeningEngine anew(path_);
  const auto bodies = anew.bodies(1);
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].at("prefix").as_string(), "127.0.0.1/32");
}

TEST_F(Learning, WhatIsTakenBackLeavesTheEngines) {
  ListeningEngine engine(path_);
  proxy_.start();
  for (int i = 0; i < 3; i++) talk_early();
  EXPECT_EQ(engine.bodies(1).size(), 1u);
  const auto prefix = *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
  EXPECT_TRUE(proxy_.on_loop([&] { return proxy_.learning().remove(prefix); }));
  const auto removals = engine.removals(1);
  ASSERT_EQ(removals.size(), 1u);
  EXPECT_EQ(removals[0].at("prefix").as_string(), "127.0.0.1/32");
}

TEST_F(Learning, TheFileOutlivesTheProxyAndARemovalInItIsNoticed) {
  const auto file = proxy_.local_list_path() + ".db";
  proxy_.learning_options.file = file;
  proxy_.learning_options.file_look_time = milliseconds{20};
  ListeningEngine engine(path_);
  proxy_.start();
  for (int i = 0; i < 3; i++) talk_early();
  EXPECT_EQ(engine.bodies(1).size(), 1u);
  {
    RunningProxy next;
    next.learns = true;
    next.learning_options = proxy_.learning_options;
    // It is written behind; whoever reads it before sees nothing.
    const auto there = [&] {
      learning::LearnedFile reader(file, learning::LearnedFile::Purpose::kRead);
      return !reader.entries(0).empty();
    };
    while (!there()) std::this_thread::sleep_for(milliseconds{5});
    next.start();
    const auto bodies = engine.bodies(2);
    ASSERT_EQ(bodies.size(), 2u);
    EXPECT_EQ(bodies[1].at("prefix").as_string(), "127.0.0.1/32");
    EXPECT_EQ(bodies[1].at("reason").as_string(), bodies[0].at("reason").as_string());
  }
  const auto prefix = *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
  EXPECT_TRUE(learning::LearnedFile(file, learning::LearnedFile::Purpose::kChange)
                  .remove(prefix, "root", "a test", std::time(nullptr)));
  EXPECT_EQ(engine.removals(1).size(), 1u);
  EXPECT_EQ(proxy_.on_loop([&] { return proxy_.learning().size(); }), 0u);
}

// The workers of one site share the file.
TEST_F(Learning, WhoSentGoodMailToAnotherWorkerIsNotLearned) {
  const auto file = proxy_.local_list_path() + ".trust.db";
  proxy_.learning_options.file = file;
  proxy_.learning_options.file_look_time = milliseconds{20};
  ListeningEngine engine(path_);
  proxy_.start();
  const auto prefix = [](const char* text) {
    return *Prefix::parse(text, Prefix::HostBits::kRefuse);
  };
  const auto now = std::time(nullptr);
  learning::LearnedChanges changes;
  for (const char* source : {"127.0.0.1/32", "198.51.100.1/32"})
    changes.trusted[prefix(source)] = {"b.example", now + 7 * 86400};
  learning::LearnedFile(file, learning::LearnedFile::Purpose::kKeep).write(changes, now, 10, 10);
  // Both are heard of at once: the second one says when that has happened.
  const auto heard = [&] {
    return proxy_.on_loop([&] {
      learning::Lesson lesson;
      lesson.source = prefix("198.51.100.1/32").first();
      lesson.evidence = {{now, "s1", "a test"}};
      const bool trusted = proxy_.learning().learn(lesson, now) == learning::Unlearned::kTrusted;
      proxy_.learning().remove(prefix("198.51.100.1/32"));
      return trusted;
    });
  };
  while (!heard()) std::this_thread::sleep_for(milliseconds{5});
  for (int i = 0; i < 3; i++) talk_early();
  EXPECT_TRUE(proxy_.drain(milliseconds{10'000}));
  EXPECT_EQ(proxy_.on_loop([&] { return proxy_.learning().size(); }), 0u);
}

TEST_F(Learning, AFileThatCannotBeStopsNoMail) {
  proxy_.options.greet_pause = milliseconds{0};
  proxy_.learning_options.file = "/nonexistent/learned.db";
  ListeningEngine engine(path_);
  proxy_.start();
  EXPECT_TRUE(send_message(*greeted(proxy_), "A: b\r\n\r\nx\r\n").starts_with("250 "));
  for (int i = 0; i < 3; i++) {
    MailClient client(proxy_.port());
    client.reply();
    client.say("EHLO ylmf-pc");
  }
  EXPECT_EQ(engine.bodies(1).size(), 1u) << "and engines are told";
}

TEST_F(Learning, WhoWaitsIsGreeted) {
  proxy_.options.greet_pause = milliseconds{300};
  proxy_.start();
  MailClient client(proxy_.port());
  EXPECT_TRUE(client.reply().ends_with("\r\n220 mx.example ESMTP Postern\r\n"));
  EXPECT_TRUE(client.say("EHLO client.example").starts_with("250-"));
}

}  // namespace
}  // namespace postern::test
