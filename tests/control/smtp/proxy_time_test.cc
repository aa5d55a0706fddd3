// SPDX-License-Identifier: BSD-3-Clause
//
// The end of a message is answered while the client still waits, wherever the farm stalls, and a
// farm that was cut off in the middle was not given the whole of it. All other times are an hour:
// only the one for the answer ends anything here.
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "control/smtp/farm_leg.h"
#include "tests/control/smtp/running_proxy.h"

namespace postern::test {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using namespace std::chrono_literals;

const std::string kMessage = "From: <a@b.example>\r\nSubject: x\r\n\r\nHello.\r\n";
constexpr milliseconds kLittle{600}, kHour{3'600'000};

// A proxy whose clients give their backend back as soon as they say nothing.
class ProxyTime : public testing::Test {
 protected:
  ProxyTime() {
    auto& farm = proxy_.options.farm;
    farm.connect_time = farm.reply_time = farm.block_time = farm.final_time = kHour;
    farm.room_time = kHour;
    farm.stall_time = milliseconds{1};
    farm.idle_legs = 0;
    farm.pool.fall = 1;
  }
  void answer_within(milliseconds time) {
    proxy_.on_loop([&] { proxy_.options.farm.final_time = time; });
  }
  // MAIL and RCPT are answered, and no backend knows of them any more.
  void begin(MailClient& client) {
    const size_t before = proxy_.farm.count("QUIT");
    ASSERT_TRUE(client.say("MAIL FROM:<a@b.example>").starts_with("250 "));
    ASSERT_TRUE(client.say("RCPT TO:<c@d.example>").starts_with("250 "));
    proxy_.wait([&] { return proxy_.farm.count("QUIT") > before; });
  }
  std::string finish(MailClient& client, const std::string& text) {
    const auto go = client.say("DATA");
    if (!go.starts_with("354")) return go;
    client.send(text + ".\r\n");
    return client.reply();
  }
  size_t live() {
    return proxy_.on_loop([this] { return proxy_.pool().live(); });
  }

  RunningProxy proxy_;
};

TEST_F(ProxyTime, AFarmThatStallsAnywhere) {
  proxy_.start();
  const std::string large = kMessage + std::string(1000, 'x') + "\r\n";
  std::string beyond_buffers = kMessage;
  for (int i = 0; i < 24'000; i++) beyond_buffers += std::string(998, 'x') + "\r\n";
  const struct {
    const char* step;
    const char* fine;
    const std::string& text;
  } steps[] = {{"greeting", "220 farm ESMTP\r\n", kMessage},
               {"EHLO", "250-farm\r\n250 8BITMIME\r\n", kMessage},
               {"MAIL", "250 2.1.0 ok\r\n", kMessage},
               {"RCPT", "250 2.1.5 ok\r\n", kMessage},
               {"DATA", "354 go\r\n", large},
               {"text", "", beyond_buffers},
               {"dot", "250 2.0.0 ok\r\n", kMessage}};
  for (const auto& [step, fine, text] : steps) {
    const size_t before = proxy_.farm.acknowledged().size();
    const auto client = greeted(proxy_);
    begin(*client);
    proxy_.farm.set(step, ScriptedFarm::kStall);
    answer_within(kLittle);
    const auto reply = finish(*client, text);
    ASSERT_TRUE(reply.starts_with("451 4.4.")) << step << ": " << reply;
    EXPECT_EQ(proxy_.farm.acknowledged().size(), before) << step;
    // One that had no time to answer in is not ill; one that did not answer the final dot is.
    EXPECT_EQ(live(), step == std::string("dot") ? 0u : 1u) << step;
    proxy_.farm.set(step, fine);
    answer_within(kHour);
    // The client comes again, in the same session, and it is there once.
    begin(*client);
    EXPECT_TRUE(finish(*client, kMessage).starts_with("250 ")) << step;
    EXPECT_EQ(proxy_.farm.acknowledged().size(), before + 1) << step;
    proxy_.wait_for_live(1);
  }
}

TEST_F(ProxyTime, AFarmWithoutRoom) {
  proxy_.options.farm.backends = {RunningProxy::backend(proxy_.farm)};
  proxy_.options.farm.backends[0].max = 1;
  proxy_.start();
  const auto client = greeted(proxy_);
  begin(*client);
  // Another client's question takes the only connection.
  proxy_.farm.set("RCPT TO:<slow@d.example>", ScriptedFarm::kStall);
  const auto other = greeted(proxy_);
  other->say("MAIL FROM:<a@b.example>");
  other->send("RCPT TO:<slow@d.example>\r\n");
  proxy_.wait([&] { return proxy_.farm.count("RCPT TO:<slow@d.example>") > 0; });
  answer_within(kLittle);
  const auto reply = finish(*client, kMessage);
  EXPECT_TRUE(reply.starts_with("451 4.")) << reply;
  EXPECT_EQ(proxy_.farm.count("DATA"), 0u);
  EXPECT_EQ(live(), 1u);
  proxy_.farm.cut_all();
}

TEST_F(ProxyTime, OurOwnWorkIsWithinItToo) {
  proxy_.judge_options.authentication_time = kHour;
  proxy_.resolver.stall("s._domainkey.silent.example");
  proxy_.start("    accept any\n");
  const auto client = greeted(proxy_);
  begin(*client);
  answer_within(kLittle);
  const auto reply = finish(
      *client,
      "DKIM-Signature: v=1; a=rsa-sha256; d=silent.example; s=s; c=relaxed/relaxed; h=From;\r\n"
      " bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n" +
          kMessage);
  EXPECT_TRUE(reply.starts_with("451 4.4.7 ")) << reply;
  EXPECT_EQ(proxy_.farm.count("DATA"), 0u);
}

// The farm takes every octet but the last: it has nothing to answer for.
TEST(FarmLegTime, TheLastOctetIsNotSentWhereNoTimeIsLeftForItsAnswer) {
  ScriptedFarm farm;
  boost::asio::io_context loop{1};
  const smtp::FarmOptions options{.backends = {RunningProxy::backend(farm)},
                                  .own_name = "mx.example",
                                  .ca_file = {},
                                  .pool = {}};
  smtp::FarmTls tls{""};
  smtp::TlsSessionSlot session;
  smtp::FarmLeg leg(loop.get_executor(), options, options.backends[0], 0, tls, session);
  smtp::SpoolSpace space("/var/tmp", 65536, 1u << 20);
  smtp::Spool spool(space);
  spool.append(kMessage);
  const auto wait_for = [&loop](auto awaitable) {
    std::optional<typename decltype(awaitable)::value_type> result;
    boost::asio::co_spawn(loop, std::move(awaitable), [&](std::exception_ptr error, auto value) {
      if (error) std::rethrow_exception(error);
      result = std::move(value);
    });
    loop.restart();
    loop.run();
    return result.value();
  };
  ASSERT_TRUE(wait_for(leg.open(nullptr))) << leg.error();
  ASSERT_TRUE(wait_for(leg.mail({.address = "a@b.example"})).has_value());
  ASSERT_TRUE(wait_for(leg.rcpt({.address = "c@d.example"})).has_value());
  leg.keep_to({.send_by = steady_clock::now(), .answer_by = steady_clock::now() + kHour});
  EXPECT_FALSE(wait_for(leg.send_chunk("A: b\r\n", spool)).has_value());
  EXPECT_EQ(leg.error(), "no time would be left for its answer");
  EXPECT_TRUE(leg.text_begun());
  EXPECT_FALSE(leg.usable());
  EXPECT_TRUE(leg.cut_short());
  farm.stop();
  EXPECT_EQ(farm.acknowledged().size(), 0u);
}

}  // namespace
}  // namespace postern::test
