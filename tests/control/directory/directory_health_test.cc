// SPDX-License-Identifier: BSD-3-Clause
//
// When the directory is said to be gone and to be back: not by answers that did not come from it,
// and not with every look-up of one that fails now and then.
#include "control/directory/directory_health.h"

#include <gtest/gtest.h>

#include <string>

namespace postern::directory {
namespace {

using std::chrono::seconds;

class Health : public testing::Test {
 protected:
  std::string after(Contact contact, seconds time = seconds{0}) {
    now_ += time;
    const auto change = health_.note(Answer{.contact = contact}, now_);
    if (!change) return "-";
    return change->available ? "up after " + std::to_string(change->unanswered) : "down";
  }
  DirectoryHealth health_;
  DirectoryHealth::Time now_{};
};

TEST_F(Health, DownIsToldOnceAndSoIsUp) {
  EXPECT_EQ(after(Contact::kAnswered), "-");
  EXPECT_EQ(after(Contact::kFailed), "down");
  EXPECT_EQ(after(Contact::kFailed, seconds{5}), "-");
  EXPECT_EQ(after(Contact::kAnswered, seconds{10}), "up after 2");
  EXPECT_EQ(after(Contact::kAnswered), "-");
  EXPECT_EQ(after(Contact::kFailed), "down");
  EXPECT_EQ(after(Contact::kAnswered, seconds{10}), "up after 1");
}

TEST_F(Health, WhatDidNotComeFromItSaysNothing) {
  after(Contact::kFailed);
  EXPECT_EQ(after(Contact::kNone, seconds{60}), "-") << "a cache, while the directory is down";
  EXPECT_EQ(after(Contact::kAnswered), "up after 1");
}

TEST_F(Health, OneThatFailsNowAndThenIsDown) {
  EXPECT_EQ(after(Contact::kFailed), "down");
  for (int i = 0; i < 100; i++) {
    EXPECT_EQ(after(Contact::kAnswered, seconds{4}), "-");
    EXPECT_EQ(after(Contact::kFailed, seconds{4}), "-");
  }
}

}  // namespace
}  // namespace postern::directory
