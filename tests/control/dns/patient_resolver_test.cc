// SPDX-License-Identifier: BSD-3-Clause
//
// One deadline for all look-ups of a task, and what is noted of those that failed.
#include "control/dns/patient_resolver.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "tests/support/scripted_resolver.h"

namespace postern::dns {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

class PatientResolverTest : public testing::Test {
 protected:
  Answer ask(PatientResolver& resolver, const std::string& name) {
    std::optional<Answer> answer;
    asio::co_spawn(loop, resolver.query(name, RecordType::kTxt),
                   [&](std::exception_ptr error, Answer given) {
                     if (error) std::rethrow_exception(error);
                     answer = std::move(given);
                   });
    loop.restart();
    loop.run();
    return answer.value();
  }
  PatientResolver within(milliseconds time) { return {inner, &zones, steady_clock::now() + time}; }

  asio::io_context loop{1};
  ScriptedResolver inner;
  SilentZones zones{{.patience = 1, .fair_wait = milliseconds{0}}};
};

TEST_F(PatientResolverTest, AnAnswerIsHandedOn) {
  inner.set_text("a.example", {"text"});
  auto resolver = within(std::chrono::minutes{1});
  EXPECT_EQ(ask(resolver, "a.example").records, std::vector<std::string>{"text"});
  EXPECT_EQ(ask(resolver, "b.example").status, Status::kNoName);
  EXPECT_EQ(zones.size(), 0u);
}

TEST_F(PatientResolverTest, WhatDoesNotComeInTimeIsCancelledAndNoted) {
  inner.stall("silent.example");
  auto resolver = within(milliseconds{20});
  const auto late = ask(resolver, "silent.example");
  EXPECT_EQ(late.status, Status::kFailed);
  EXPECT_EQ(late.detail, "no answer within the time that there was");
  EXPECT_FALSE(late.given_up);
  EXPECT_EQ(inner.waiting(), 0u) << "the look-up itself has ended";
  EXPECT_EQ(zones.size(), 1u);
  const auto after = ask(resolver, "a.example");
  EXPECT_EQ(after.detail, "no time was left to ask");
  EXPECT_EQ(inner.asked(), std::vector<std::string>{"silent.example"});
  EXPECT_EQ(zones.size(), 1u) << "who was not asked was not silent";
}

TEST_F(PatientResolverTest, ALookUpThatWasCutShortSaysNothing) {
  SilentZones fair({.fair_wait = std::chrono::hours{1}});
  inner.stall("silent.example");
  PatientResolver resolver(inner, &fair, steady_clock::now() + milliseconds{20});
  EXPECT_EQ(ask(resolver, "silent.example").status, Status::kFailed);
  EXPECT_EQ(fair.size(), 0u);
  inner.fail("broken.example", RecordType::kTxt, "SERVFAIL");
  PatientResolver another(inner, &fair, steady_clock::now() + std::chrono::minutes{1});
  EXPECT_EQ(ask(another, "broken.example").detail, "SERVFAIL");
  EXPECT_EQ(fair.size(), 1u) << "but a fault does, however fast it came";
}

TEST_F(PatientResolverTest, WhoHasFailedForLongIsMarked) {
  inner.fail("broken.example", RecordType::kTxt, "SERVFAIL");
  zones.note_failure("broken.example", RecordType::kTxt, std::time(nullptr) - 100);
  zones.note_answer("other.example", RecordType::kTxt, std::time(nullptr), Origin::kReached);
  auto resolver = within(std::chrono::minutes{1});
  const auto answer = ask(resolver, "broken.example");
  EXPECT_EQ(answer.status, Status::kFailed);
  EXPECT_TRUE(answer.given_up);
  inner.set_text("broken.example", {"back"});
  EXPECT_EQ(ask(resolver, "broken.example").status, Status::kFound);
  EXPECT_EQ(zones.size(), 0u);
}

TEST_F(PatientResolverTest, WhatWasKeptIsNoSignThatTheDnsIsThere) {
  inner.fail("broken.example", RecordType::kTxt, "SERVFAIL");
  zones.note_failure("broken.example", RecordType::kTxt, std::time(nullptr) - 100);
  auto resolver = within(std::chrono::minutes{1});
  Answer answer;
  answer.status = Status::kFound;
  answer.origin = Origin::kKept;
  inner.set("kept.example", RecordType::kTxt, answer);
  ask(resolver, "kept.example");
  EXPECT_FALSE(ask(resolver, "broken.example").given_up);
  answer.origin = Origin::kReached;
  inner.set("fetched.example", RecordType::kTxt, answer);
  ask(resolver, "fetched.example");
  EXPECT_TRUE(ask(resolver, "broken.example").given_up);
}

TEST_F(PatientResolverTest, WhoWasNotAskedWasNotSilentNorDidHeAnswer) {
  auto resolver = within(std::chrono::minutes{1});
  Answer answer;
  answer.detail = "no room";
  answer.origin = Origin::kNotAsked;
  inner.set("full.example", RecordType::kTxt, answer);
  EXPECT_EQ(ask(resolver, "full.example").detail, "no room");
  EXPECT_EQ(zones.size(), 0u);
  zones.note_failure("a..example", RecordType::kTxt, std::time(nullptr));
  answer.status = Status::kNoName;
  inner.set("a..example", RecordType::kTxt, answer);
  EXPECT_EQ(ask(resolver, "a..example").status, Status::kNoName);
  EXPECT_EQ(zones.size(), 1u);
}

TEST_F(PatientResolverTest, WithoutATableNothingIsGivenUp) {
  inner.fail("broken.example", RecordType::kTxt, "SERVFAIL");
  PatientResolver resolver(inner, nullptr, steady_clock::now() + std::chrono::minutes{1});
  EXPECT_FALSE(ask(resolver, "broken.example").given_up);
}

}  // namespace
}  // namespace postern::dns
