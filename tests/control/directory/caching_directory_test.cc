// SPDX-License-Identifier: BSD-3-Clause
//
// A cache in front of a directory, and several directories as one: who is asked, and what counts.
#include "control/directory/caching_directory.h"

#include <map>

#include "control/directory/directory_chain.h"
#include "tests/control/directory/asking.h"

namespace postern::directory {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

struct Script {
  std::map<std::string, Presence> says;  // everybody else is unknown
  bool down = false;
  std::vector<std::string> asked;
};

class Scripted : public Directory {
 public:
  explicit Scripted(Script& script) : script_(script) {}
  asio::awaitable<Answer> look_up(std::string address) override {
    script_.asked.push_back(address);
    if (script_.down) co_return Answer{.detail = "it is down", .contact = Contact::kFailed};
    const auto found = script_.says.find(address);
    if (found == script_.says.end())
      co_return Answer{.presence = Presence::kUnknown, .contact = Contact::kAnswered};
    Answer answer{.presence = found->second, .contact = Contact::kAnswered};
    if (answer.presence == Presence::kKnown) answer.primary = address;
    co_return answer;
  }

 private:
  Script& script_;
};

class Caching : public testing::Test {
 protected:
  asio::io_context loop_{1};
  Script script_{.says = {{"user@example.org", Presence::kKnown}}, .asked = {}};
  AnswerCache::Time now_{};
  CachingDirectory directory_{std::make_unique<Scripted>(script_),
                              {.capacity = 100,
                               .known_time = milliseconds{100},
                               .unknown_time = milliseconds{10},
                               .stale_time = milliseconds{1000}},
                              AddressRules{},
                              [this] { return now_; }};
};

TEST_F(Caching, EqualAddressesShareAnAnswer) {
  EXPECT_EQ(told(ask(loop_, directory_, "User@Example.org")), "known user@example.org");
  EXPECT_EQ(told(ask(loop_, directory_, "\"user\"@EXAMPLE.ORG")), "known user@example.org");
  EXPECT_EQ(told(ask(loop_, directory_, "nobody@example.org")), "unknown");
  EXPECT_EQ(told(ask(loop_, directory_, "NOBODY@example.org")), "unknown");
  EXPECT_EQ(script_.asked, (std::vector<std::string>{"user@example.org", "nobody@example.org"}));
  EXPECT_EQ(directory_.hits(), 2u);
  EXPECT_EQ(directory_.misses(), 2u);
}

TEST_F(Caching, WhatIsNoAddressIsNotAskedFor) {
  EXPECT_EQ(told(ask(loop_, directory_, "no address")), "unknown");
  EXPECT_TRUE(script_.asked.empty());
}

TEST_F(Caching, WhoWasKnownStaysSoWhileTheDirectoryIsDown) {
  ask(loop_, directory_, "user@example.org");
  ask(loop_, directory_, "nobody@example.org");
  script_.down = true;
  now_ += milliseconds{500};
  const auto user = ask(loop_, directory_, "user@example.org");
  EXPECT_EQ(told(user), "known user@example.org (stale)");
  EXPECT_EQ(user.detail, "it is down");
  EXPECT_EQ(told(ask(loop_, directory_, "nobody@example.org")), "unavailable");
  EXPECT_EQ(told(ask(loop_, directory_, "other@example.org")), "unavailable");
  EXPECT_EQ(directory_.stale(), 1u);
  now_ += milliseconds{1000};
  EXPECT_EQ(told(ask(loop_, directory_, "user@example.org")), "unavailable");
  script_.down = false;
  EXPECT_EQ(told(ask(loop_, directory_, "user@example.org")), "known user@example.org");
}

// A mailbox that was removed, or a directory that lost a part of itself: the farm knows.
TEST_F(Caching, WhoWasKnownNotLongAgoIsNotRefusedByADenial) {
  ask(loop_, directory_, "user@example.org");
  script_.says.clear();
  now_ += milliseconds{100};
  const auto denied = ask(loop_, directory_, "user@example.org");
  EXPECT_EQ(told(denied), "unavailable");
  EXPECT_EQ(denied.detail, "it was known not long ago");
  EXPECT_EQ(denied.contact, Contact::kAnswered) << "it is not down";
  EXPECT_EQ(directory_.doubted(), 1u);
  EXPECT_EQ(told(ask(loop_, directory_, "other@example.org")), "unknown");
  now_ += milliseconds{1000};
  EXPECT_EQ(told(ask(loop_, directory_, "user@example.org")), "unknown") << "its time is over";
  EXPECT_EQ(directory_.doubted(), 1u);
}

TEST_F(Caching, WhatTheCacheSaysShowsNothingOfTheDirectory) {
  EXPECT_EQ(ask(loop_, directory_, "user@example.org").contact, Contact::kAnswered);
  script_.down = true;
  EXPECT_EQ(ask(loop_, directory_, "user@example.org").contact, Contact::kNone);
  EXPECT_EQ(ask(loop_, directory_, "no address").contact, Contact::kNone);
  now_ += milliseconds{500};
  EXPECT_EQ(ask(loop_, directory_, "user@example.org").contact, Contact::kFailed) << "stale";
}

TEST(DirectoryChain, TheFirstThatKnowsDecidesAndAllMustDeny) {
  asio::io_context loop(1);
  Script first{.says = {{"a@x.example", Presence::kKnown}}, .asked = {}};
  Script second{.says = {{"b@x.example", Presence::kKnown}}, .asked = {}};
  std::vector<std::unique_ptr<Directory>> links;
  links.push_back(std::make_unique<Scripted>(first));
  links.push_back(std::make_unique<Scripted>(second));
  DirectoryChain chain(std::move(links));
  EXPECT_EQ(told(ask(loop, chain, "a@x.example")), "known a@x.example");
  EXPECT_TRUE(second.asked.empty());
  EXPECT_EQ(told(ask(loop, chain, "b@x.example")), "known b@x.example");
  EXPECT_EQ(told(ask(loop, chain, "c@x.example")), "unknown");
  first.down = true;
  const auto of_second = ask(loop, chain, "b@x.example");
  EXPECT_EQ(told(of_second), "known b@x.example");
  EXPECT_EQ(of_second.contact, Contact::kFailed) << "the first one is down all the same";
  EXPECT_EQ(of_second.detail, "it is down");
  const auto missing = ask(loop, chain, "c@x.example");
  EXPECT_EQ(told(missing), "unavailable");
  EXPECT_EQ(missing.detail, "it is down");
  first.down = false;
  second.down = true;
  EXPECT_EQ(told(ask(loop, chain, "c@x.example")), "unavailable");
}

}  // namespace
}  // namespace postern::directory
