// SPDX-License-Identifier: BSD-3-Clause
//
// What a mail exchanger's reply to RCPT says about the recipient, and what it does not.
#include "control/directory/backend_directory.h"

#include "tests/control/directory/asking.h"

namespace postern::directory {
namespace {

namespace asio = boost::asio;

TEST(BackendDirectory, OnlyThatNobodyIsThereIsUnknown) {
  const auto by = [](int code, const char* enhanced) {
    return word(presence_by({.code = code, .enhanced = enhanced}));
  };
  EXPECT_EQ(by(250, "2.1.5"), "known");
  EXPECT_EQ(by(250, ""), "known");
  EXPECT_EQ(by(251, "2.1.5"), "known");
  for (const char* enhanced : {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"})
    EXPECT_EQ(by(550, enhanced), "unknown") << enhanced;
  for (const int code : {550, 551, 553}) EXPECT_EQ(by(code, ""), "unknown") << code;
  for (const auto& [code, enhanced] : std::vector<std::pair<int, const char*>>{{550, "5.7.1"},
                                                                               {550, "5.2.1"},
                                                                               {552, "5.2.2"},
                                                                               {552, ""},
                                                                               {554, ""},
                                                                               {503, "5.5.1"},
                                                                               {550, "5.1.8"},
                                                                               {550, "5.1.11"},
                                                                               {450, "4.1.1"},
                                                                               {421, ""},
                                                                               {354, ""},
                                                                               {0, ""},
                                                                               {600, "5.1.1"}})
    EXPECT_EQ(by(code, enhanced), "unavailable") << code << " " << enhanced;
  EXPECT_EQ(presence_by({.code = 550, .enhanced = "5.1.1", .to_recipient = false}),
            Presence::kUnavailable);
}

TEST(BackendDirectory, AsksAndTellsWhy) {
  asio::io_context loop(1);
  std::string asked;
  std::optional<BackendReply> reply = BackendReply{.code = 250, .enhanced = "2.1.5"};
  // Outlives its coroutines, as a lambda's captures must.
  const BackendDirectory::Ask answer =
      [&](std::string address) -> asio::awaitable<std::optional<BackendReply>> {
    asked = std::move(address);
    co_return reply;
  };
  BackendDirectory directory(answer);
  EXPECT_EQ(told(ask(loop, directory, "user@example.org")), "known user@example.org");
  EXPECT_EQ(asked, "user@example.org");
  reply = BackendReply{.code = 550, .enhanced = "5.1.1", .text = "no such user"};
  const auto unknown = ask(loop, directory, "nobody@example.org");
  EXPECT_EQ(told(unknown), "unknown");
  EXPECT_EQ(unknown.detail, "550 5.1.1 no such user");
  EXPECT_EQ(unknown.source, "backend");
  reply.reset();
  EXPECT_EQ(told(ask(loop, directory, "user@example.org")), "unavailable");
}

}  // namespace
}  // namespace postern::directory
