// SPDX-License-Identifier: BSD-3-Clause
//
// What an engine is told, in which order, what is tried again and what is not, and the bounds of
// what waits for it: against an engine that answers what a test wants. Whole engines are taught in
// tests/control/cli/learned_test.py and tests/e2e.
#include "control/learning/teacher.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "tests/control/learning/scripted_engine.h"
#include "tests/rules/support/temporary_directory.h"

namespace postern::learning {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using test::ScriptedEngine;
using Strings = std::vector<std::string>;

class Unheard : public LearningObserver {
 public:
  void learned(const LearnedEntry&) override {}
  void removed(const Prefix&) override {}
  void spared(const Lesson&, Unlearned, std::string_view) override {}
  void withdrawn(const LearnedEntry&, Unlearned, std::string_view) override {}
  void trusted(const Prefix&, std::string_view, int64_t) override {}
};

class TeacherTest : public testing::Test {
 protected:
  void start(size_t queue = 4096) {
    teacher_.emplace(loop_,
                     TeacherOptions{.engines = {engine_.path()},
                                    .credentials = {},
                                    .queue = queue,
                                    .first_retry = milliseconds{5},
                                    .last_retry = milliseconds{10}},
                     learning_);
    teacher_->start();
  }
  // Lets the loop work until the condition holds; false: that took longer than anything may.
  template <typename Condition>
  bool run_until(Condition condition) {
    const auto end = steady_clock::now() + std::chrono::seconds{60};
    while (!condition()) {
      if (steady_clock::now() > end) return false;
      loop_.run_for(milliseconds{5});
    }
    return true;
  }
  bool run_until_asked(size_t count) {
    return run_until([&] { return engine_.asked().size() >= count; });
  }
  bool run_until_idle() {
    return run_until([&] { return teacher_->engines()[0].waiting == 0; });
  }
  static Prefix prefix(int i) {
    return *Prefix::parse("192.0.2." + std::to_string(i) + "/32", Prefix::HostBits::kRefuse);
  }
  void learn(int i) {
    Lesson lesson;
    lesson.source = *IpAddress::parse("192.0.2." + std::to_string(i));
    lesson.rule = "offences";
    lesson.reason = "3 offences";
    lesson.evidence = {{990, "s1", "spoke early"}};
    ASSERT_EQ(learning_.learn(lesson, std::time(nullptr)), Unlearned::kNothing);
  }

  test::TemporaryDirectory directory_;
  ScriptedEngine engine_{directory_.path("engine.sock")};
  boost::asio::io_context loop_{1};
  Unheard unheard_;
  Learning learning_{{}, [](const auto&, const auto&, int64_t) { return false; }, unheard_};
  std::optional<Teacher> teacher_;
};

TEST_F(TeacherTest, WhoDoesNotLetUsInHearsItLater) {
  for (const unsigned status : {401u, 403u, 408u, 429u, 500u, 503u}) {
    const auto before = engine_.asked().size();
    engine_.answer(status);
    start();
    learn(1);
    teacher_->teach(prefix(1));
    EXPECT_TRUE(run_until_asked(before + 3)) << status << ": it is tried again";
    engine_.answer(200);
    EXPECT_TRUE(run_until_idle()) << status;
  }
}

TEST_F(TeacherTest, WhatIsRefusedForGoodIsNotTriedAgain) {
  start();
  learn(1);
  engine_.answer(422);
  teacher_->teach(prefix(1));
  ASSERT_TRUE(run_until_asked(1));
  ASSERT_TRUE(run_until_idle());
  loop_.run_for(milliseconds{50});
  EXPECT_EQ(engine_.asked(), Strings{"POST 192.0.2.1/32"});
}

// An engine that says that there can be no such entry has none.
TEST_F(TeacherTest, ARemovalIsToldOnceTheEngineHasNoSuchEntry) {
  for (const unsigned status : {200u, 404u, 409u, 422u}) {
    start();
    int told = 0;
    engine_.answer(503);
    const auto before = engine_.asked().size();
    teacher_->forget(prefix(1), [&] { told++; });
    ASSERT_TRUE(run_until_asked(before + 2)) << status;
    EXPECT_EQ(told, 0);
    engine_.answer(status);
    EXPECT_TRUE(run_until([&] { return told > 0; })) << status;
    EXPECT_EQ(told, 1);
    EXPECT_TRUE(run_until_idle());
  }
}

TEST_F(TeacherTest, RemovalsGoFirstAndOnceEach) {
  engine_.hold(true);
  start();
  learn(9);
  teacher_->teach(prefix(9));
  ASSERT_TRUE(run_until_asked(1));
  int told = 0;
  for (int i = 0; i < 3; i++) {
    learn(i + 10);
    teacher_->teach(prefix(i + 10));
    for (int again = 0; again < 2; again++) teacher_->forget(prefix(i + 1), [&] { told++; });
  }
  engine_.hold(false);
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(engine_.asked(),
            (Strings{"POST 192.0.2.9/32", "DELETE 192.0.2.1/32", "DELETE 192.0.2.2/32",
                     "DELETE 192.0.2.3/32", "POST 192.0.2.12/32", "POST 192.0.2.11/32",
                     "POST 192.0.2.10/32"}));
  EXPECT_EQ(told, 6);
}

TEST_F(TeacherTest, WhatIsLearnedAnewMeanwhileIsTakenOutAgain) {
  engine_.hold(true);
  start();
  learn(1);
  teacher_->forget(prefix(1));  // and learned anew: it is brought instead
  ASSERT_TRUE(run_until_asked(1));
  learning_.remove(prefix(1));
  teacher_->forget(prefix(1));
  engine_.hold(false);
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(engine_.asked(), (Strings{"POST 192.0.2.1/32", "DELETE 192.0.2.1/32"}));
}

TEST_F(TeacherTest, OfTooManyRemovalsTheLastOnesAreLeft) {
  constexpr int kQueue = 3;
  engine_.hold(true);
  start(kQueue);
  int told = 0;
  for (int i = 1; i <= 5; i++) teacher_->forget(prefix(i), [&] { told++; });
  EXPECT_EQ(teacher_->engines()[0].waiting, 3u);
  engine_.hold(false);
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(told, 3);
  teacher_->forget(prefix(5), [&] { told++; });
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(told, 4);
}

// The room for lessons bounds what waits, not what is brought.
TEST_F(TeacherTest, WhoseQueueWasFullGetsAllOfIt) {
  engine_.hold(true);
  start(3);
  for (int i = 1; i <= 20; i++) {
    learn(i);
    teacher_->teach(prefix(i));
  }
  EXPECT_LE(teacher_->engines()[0].waiting, 3u);
  engine_.hold(false);
  ASSERT_TRUE(run_until([&] {
    auto asked = engine_.asked();
    std::ranges::sort(asked);
    asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
    return asked.size() == 20;
  }));
}

}  // namespace
}  // namespace postern::learning
