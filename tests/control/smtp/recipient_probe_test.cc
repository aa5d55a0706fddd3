// SPDX-License-Identifier: BSD-3-Clause
//
// The farm as the recipient directory: what it is asked, what its answers make clients hear, whom
// they give away as a harvester, and that nobody is refused for a farm that is down.
#include "control/smtp/recipient_probe.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/directory/caching_directory.h"
#include "control/smtp/recipient_check.h"
#include "tests/control/smtp/one_message.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using directory::BackendDirectory;
using directory::CachingDirectory;
using std::chrono::milliseconds;

// A proxy whose recipient directory is its farm, as postern-control has it.
class Asking {
 public:
  explicit Asking(bool defer = false)
      : directory_(std::make_unique<BackendDirectory>(
                       [this](std::string address) { return probe_->ask(std::move(address)); }),
                   {}, directory::AddressRules{}),
        check_(directory_, {.defer_when_unavailable = defer, .rules = {}}, &harvest, nullptr) {
    proxy.recipients = &check_;
    proxy.farm.set("RCPT TO:<nobody@d.example>", "550 5.1.1 no such user\r\n");
    proxy.farm.set("RCPT TO:<listed@d.example>", "550 5.7.1 not for you\r\n");
  }
  ~Asking() { proxy.stop(); }
  void start() {
    proxy.before_listening = [this] { probe_.emplace(proxy.pool()); };
    proxy.start();
  }
  // What a client of its own hears.
  std::string rcpt(const std::string& address) {
    const auto client = greeted(proxy);
    client->say("MAIL FROM:<a@b.example>");
    return client->say("RCPT TO:<" + address + ">");
  }
  size_t harvesters() {
    return proxy.on_loop([this] { return harvest.size(); });
  }

  learning::HarvestTable harvest{{.threshold = 100, .window = 3600}, 1};
  RunningProxy proxy;

 private:
  std::optional<smtp::RecipientProbe> probe_;
  CachingDirectory directory_;
  smtp::RecipientCheck check_;
};

TEST(RecipientProbe, WhoDoesNotExistIsRefusedWithoutAskingTwiceAndIsCounted) {
  Asking asking;
  asking.start();
  for (int i = 0; i < 3; i++)
    EXPECT_EQ(asking.rcpt("nobody@d.example"), "550 5.1.1 there is no such recipient here\r\n");
  EXPECT_EQ(asking.proxy.farm.count("RCPT TO:<nobody@"), 1u) << "the answer was kept";
  EXPECT_EQ(asking.proxy.farm.count("MAIL FROM:<>"), 1u);
  EXPECT_EQ(asking.proxy.farm.count("MAIL FROM:<a@"), 0u) << "no mail was begun";
  EXPECT_EQ(asking.harvesters(), 1u);
}

TEST(RecipientProbe, WhoExistsGetsHisMailAndIsNotAskedForAgain) {
  Asking asking;
  asking.start();
  EXPECT_TRUE(one_message(asking.proxy).starts_with("250 "));
  EXPECT_TRUE(one_message(asking.proxy).starts_with("250 "));
  EXPECT_EQ(asking.proxy.farm.count("MAIL FROM:<>"), 1u);
  EXPECT_EQ(asking.proxy.farm.acknowledged().size(), 2u);
  EXPECT_EQ(asking.proxy.farm.acknowledged()[0].mail, "MAIL FROM:<a@b.example>");
}

TEST(RecipientProbe, ARefusalForAnotherReasonIsTheFarmsToTellTheClient) {
  Asking asking;
  asking.start();
  EXPECT_EQ(asking.rcpt("listed@d.example"), "550 5.7.1 not for you\r\n");
  asking.proxy.farm.set("MAIL FROM:<>", "550 5.1.1 no reports here\r\n");
  EXPECT_TRUE(asking.rcpt("c@d.example").starts_with("250 "));
  EXPECT_EQ(asking.harvesters(), 0u);
}

TEST(RecipientProbe, AFarmThatIsDownRefusesNobody) {
  for (const bool defer : {false, true}) {
    Asking asking(defer);
    asking.start();
    asking.proxy.farm.stop();
    const auto said = asking.rcpt("nobody@d.example");
    EXPECT_TRUE(said.starts_with(defer ? "451 4.4.3 " : "451 4.4.1 ")) << said;
    EXPECT_EQ(asking.harvesters(), 0u);
    asking.proxy.farm.start();
    asking.proxy.wait([&] { return asking.proxy.pool().live() == 1; });
    EXPECT_TRUE(asking.rcpt("nobody@d.example").starts_with("550 5.1.1 ")) << "nothing was kept";
  }
}

TEST(RecipientProbe, AConnectionThatBreaksInTheMiddleIsTriedOnceMoreAndSaysNothing) {
  for (const char* step : {"MAIL FROM:<>", "RCPT TO:<c@d.example>"}) {
    for (const char* answer : {ScriptedFarm::kCut, "421 4.3.2 closing\r\n", "nonsense\r\n"}) {
      Asking asking(true);
      asking.start();
      asking.proxy.farm.set(step, answer);
      EXPECT_TRUE(asking.rcpt("c@d.example").starts_with("451 4.4.3 ")) << step << answer;
      EXPECT_EQ(asking.proxy.farm.count("MAIL FROM:<>"), 2u) << step << answer;
    }
  }
}

TEST(RecipientProbe, AQuestionIsAskedForNoClient) {
  for (const auto how : {smtp::HandOn::kXclient, smtp::HandOn::kXforward, smtp::HandOn::kProxy}) {
    Asking asking;
    auto& farm = asking.proxy.options.farm;
    farm.backends = {RunningProxy::backend(asking.proxy.farm)};
    farm.backends[0].hand_on = how;
    asking.proxy.farm.set("EHLO", "250-farm.example\r\n250-XCLIENT ADDR\r\n250 XFORWARD ADDR\r\n");
    asking.proxy.farm.set("XCLIENT", "220 farm.example ESMTP\r\n");
    asking.proxy.farm.set("XFORWARD", "250 2.0.0 noted\r\n");
    if (how == smtp::HandOn::kProxy) asking.proxy.farm.expect_proxy_header();
    asking.start();
    // Also where connections wait that a client was made known on.
    EXPECT_TRUE(one_message(asking.proxy).starts_with("250 "));
    const bool kept = how != smtp::HandOn::kProxy;
    if (kept) asking.proxy.wait([&] { return asking.proxy.pool().idle() > 0; });
    EXPECT_TRUE(asking.rcpt("nobody@d.example").starts_with("550 5.1.1 "));
    const auto commands = asking.proxy.farm.commands();
    for (size_t i = 1; i < commands.size(); i++) {
      if (commands[i] != "MAIL FROM:<>") continue;
      EXPECT_FALSE(commands[i - 1].starts_with("XFORWARD"));
      EXPECT_NE(commands[i - 1], "EHLO client.example");
    }
    const size_t told = how == smtp::HandOn::kProxy ? asking.proxy.farm.count("PROXY 127.")
                                                    : asking.proxy.farm.count("X");
    EXPECT_EQ(told, 1u) << "of the message";
  }
}

TEST(RecipientProbe, NoByteOfAnAddressIsMoreThanAnAddress) {
  Asking asking;
  asking.start();
  smtp::RecipientProbe probe(asking.proxy.pool());
  for (const std::string address : {"\"a\r\nRSET\"@d.example", "\"a\x7f\"@d.example"}) {
    std::promise<bool> answered;
    asking.proxy.on_loop([&] {
      boost::asio::co_spawn(
          asking.proxy.executor(), probe.ask(address),
          [&](std::exception_ptr, const auto& reply) { answered.set_value(reply.has_value()); });
    });
    EXPECT_FALSE(answered.get_future().get());
  }
  EXPECT_EQ(asking.proxy.farm.count("MAIL"), 0u);
}

}  // namespace
}  // namespace postern::test
