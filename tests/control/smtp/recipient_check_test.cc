// SPDX-License-Identifier: BSD-3-Clause
//
// What a client hears at RCPT by what the directory says, whether the farm is asked, and how
// harvesting is found and forgiven.
#include "control/smtp/recipient_check.h"

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/control/directory/asking.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using directory::Presence;

// Says what it is told of each address; everybody else is unknown. Used on the proxy's loop.
class ScriptedDirectory : public directory::Directory {
 public:
  boost::asio::awaitable<directory::Answer> look_up(std::string address) override {
    asked.push_back(address);
    const auto found = says.find(address);
    directory::Answer answer;
    answer.presence = found == says.end() ? Presence::kUnknown : found->second;
    co_return answer;
  }
  std::map<std::string, Presence> says;
  std::vector<std::string> asked;
};

class RecipientChecks : public testing::Test {
 protected:
  RecipientChecks() {
    scripted_.says = {{"user@x.example", Presence::kKnown},
                      {"down@x.example", Presence::kUnavailable}};
  }
  std::string check(smtp::RecipientCheck& recipients, std::string address, bool may_learn = true) {
    const auto reply = directory::finish(
        loop_, recipients.check(std::move(address), {.client = *IpAddress::parse("192.0.2.1"),
                                                     .local = std::nullopt,
                                                     .session = "s",
                                                     .may_learn = may_learn}));
    return reply ? reply->one_line() : "to the farm";
  }
  boost::asio::io_context loop_{1};
  ScriptedDirectory scripted_;
};

TEST_F(RecipientChecks, UnknownIsRefusedAndUnavailableNever) {
  smtp::RecipientCheck passing(scripted_, {}, nullptr, nullptr);
  EXPECT_EQ(check(passing, "user@x.example"), "to the farm");
  EXPECT_EQ(check(passing, "nobody@x.example"), "550 5.1.1 there is no such recipient here");
  EXPECT_EQ(check(passing, "down@x.example"), "to the farm");
  smtp::RecipientCheck deferring(scripted_, {.defer_when_unavailable = true, .rules = {}}, nullptr,
                                 nullptr);
  EXPECT_TRUE(check(deferring, "down@x.example").starts_with("451 4.4.3 "));
  EXPECT_EQ(check(deferring, "user@x.example"), "to the farm");
}

TEST_F(RecipientChecks, PostmasterIsNotAskedFor) {
  smtp::RecipientCheck recipients(scripted_, {.defer_when_unavailable = true, .rules = {}}, nullptr,
                                  nullptr);
  for (const char* address : {"postmaster", "Postmaster@x.example", "POSTMASTER@y.example"})
    EXPECT_EQ(check(recipients, address), "to the farm") << address;
  EXPECT_TRUE(scripted_.asked.empty());
  EXPECT_TRUE(check(recipients, "postmasters@x.example").starts_with("550 "));
  EXPECT_TRUE(check(recipients, "postmaste").starts_with("550 "));
}

TEST_F(RecipientChecks, HarvestingIsCountedForThoseWhoMayBeLearned) {
  learning::HarvestTable harvest({.threshold = 3, .window = 3600}, 1);
  learning::LearningService service(loop_, {},
                                    [](const auto&, const auto&, int64_t) { return false; });
  smtp::RecipientCheck recipients(scripted_, {}, &harvest, &service.learning());
  check(recipients, "a@x.example", false);
  EXPECT_EQ(harvest.size(), 0u);
  check(recipients, "down@x.example");
  EXPECT_EQ(harvest.size(), 0u) << "no answer is no evidence";
  check(recipients, "a@x.example");
  check(recipients, "b@x.example");
  EXPECT_EQ(harvest.size(), 1u);
  check(recipients, "c@x.example");
  EXPECT_EQ(harvest.size(), 0u) << "found, taught and forgotten";
  const auto* entry = service.learning().find(
      *Prefix::parse("192.0.2.1/32", Prefix::HostBits::kRefuse), std::time(nullptr));
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->rule, "harvesting");
  EXPECT_TRUE(entry->reason.starts_with("harvesting: 3 unknown recipients, 0 known"));
  EXPECT_EQ(entry->evidence.at(0).id, "s");
}

// As the directory compares them: no case, no quotes, no extension makes another one.
TEST_F(RecipientChecks, AnAddressIsOneHoweverItIsWritten) {
  learning::HarvestTable harvest({.threshold = 3, .window = 3600}, 1);
  smtp::RecipientCheck recipients(scripted_, {}, &harvest, nullptr);
  for (const char* address : {"a@x.example", "A@X.example", "\"a\"@x.example", "a+1@x.example",
                              "a+2@x.example", "b@x.example", "B+x@x.example"})
    check(recipients, address);
  EXPECT_EQ(harvest.size(), 1u) << "two different ones";
  check(recipients, "c@x.example");
  EXPECT_EQ(harvest.size(), 0u);
}

// Reports of failure for mail that was forged, and old lists of a server that sends good mail.
TEST(RecipientCheckInSession, NullSendersAndKnownSourcesTryOutNothing) {
  ScriptedDirectory scripted;
  learning::HarvestTable harvest({.threshold = 100, .window = 3600}, 1);
  smtp::RecipientCheck recipients(scripted, {}, &harvest, nullptr);
  RunningProxy proxy;
  proxy.recipients = &recipients;
  proxy.start();
  const auto sources = [&] { return proxy.on_loop([&] { return harvest.size(); }); };
  const auto client = greeted(proxy);
  client->say("MAIL FROM:<>");
  EXPECT_TRUE(client->say("RCPT TO:<one@d.example>").starts_with("550 5.1.1 "));
  EXPECT_EQ(sources(), 0u);
  const auto loopback = *Prefix::parse("127.0.0.1/32", Prefix::HostBits::kRefuse);
  proxy.on_loop([&] { proxy.sources().known.remember(loopback, std::time(nullptr)); });
  client->say("RSET");
  client->say("MAIL FROM:<a@b.example>");
  EXPECT_TRUE(client->say("RCPT TO:<two@d.example>").starts_with("550 5.1.1 "));
  EXPECT_EQ(sources(), 0u);
  proxy.on_loop([&] { proxy.sources().known.forget(loopback); });
  EXPECT_TRUE(client->say("RCPT TO:<three@d.example>").starts_with("550 5.1.1 "));
  EXPECT_EQ(sources(), 1u);
}

TEST(RecipientCheckInSession, TheFarmIsAskedOnlyForThoseWhoMayBeThere) {
  ScriptedDirectory scripted;
  scripted.says = {{"c@d.example", Presence::kKnown}, {"down@d.example", Presence::kUnavailable}};
  smtp::RecipientCheck recipients(scripted, {}, nullptr, nullptr);
  RunningProxy proxy;
  proxy.recipients = &recipients;
  proxy.start();
  const auto client = greeted(proxy);
  EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>").starts_with("250"));
  EXPECT_EQ(client->say("RCPT TO:<nobody@d.example>"),
            "550 5.1.1 there is no such recipient here\r\n");
  EXPECT_TRUE(client->say("RCPT TO:<c@d.example>").starts_with("250 2.1.5 recipient fine"));
  EXPECT_TRUE(client->say("RCPT TO:<down@d.example>").starts_with("250 2.1.5 recipient fine"));
  EXPECT_TRUE(client->say("DATA").starts_with("354"));
  client->send("A: b\r\n\r\nx\r\n.\r\n");
  EXPECT_TRUE(client->reply().starts_with("250 "));
  const auto messages = proxy.farm.acknowledged();
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].recipients.size(), 2u);
  // Nobody at all: the session goes on, and the farm has heard nothing.
  EXPECT_TRUE(client->say("MAIL FROM:<a@b.example>").starts_with("250"));
  EXPECT_TRUE(client->say("RCPT TO:<nobody@d.example>").starts_with("550"));
  EXPECT_TRUE(client->say("DATA").starts_with("5"));
}

}  // namespace
}  // namespace postern::test
