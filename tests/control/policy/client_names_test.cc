// SPDX-License-Identifier: BSD-3-Clause
//
// What a client's names make of it: several names, names that nobody confirms, answers that did not
// come, HELO; and against trying every way in which the missing answers could have come out.
#include "control/policy/client_names.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "tests/control/policy/table_text.h"

namespace postern::policy {
namespace {

using Reverse = ClientNames::Reverse;
using dns::ReverseLookup;

constexpr std::string_view kTable =
    "/^pool-/ REJECT a pool\n"
    "/^odd-/ PREPEND X-Odd: 1\n"
    "/^trusted-/ OK\n";

ReverseLookup found(std::vector<std::string> confirmed, std::vector<std::string> unconfirmed = {},
                    std::vector<std::string> failed = {}) {
  ReverseLookup lookup;
  lookup.confirmed = std::move(confirmed);
  lookup.unconfirmed = std::move(unconfirmed);
  lookup.failed = std::move(failed);
  lookup.status = !lookup.confirmed.empty()     ? Reverse::kConfirmed
                  : !lookup.failed.empty()      ? Reverse::kTemperror
                  : !lookup.unconfirmed.empty() ? Reverse::kUnconfirmed
                                                : Reverse::kNone;
  if (!lookup.failed.empty()) lookup.detail = lookup.failed.front() + ": SERVFAIL";
  return lookup;
}

class ClientNamesTest : public testing::Test {
 protected:
  ClientNames names(const ReverseLookup& lookup) { return client_names(lookup, classes_.get()); }
  std::string class_of(const ReverseLookup& lookup) {
    return names(lookup).name_class.value_or("missing");
  }
  std::shared_ptr<NameClasses> classes_ = test::name_classes(kTable, "https://why.example/");
};

TEST_F(ClientNamesTest, AConfirmedName) {
  const auto known = names(found({"pool-7.isp.example"}));
  EXPECT_EQ(known.reverse, Reverse::kConfirmed);
  EXPECT_EQ(known.name, "pool-7.isp.example");
  EXPECT_EQ(known.name_class, "dynamic");
  EXPECT_EQ(known.evidence.place, "isp.pcre:1") << "the folder is nobody's business";
  EXPECT_EQ(known.contact, "https://why.example/");
  EXPECT_EQ(known.fault, "");
  EXPECT_EQ(class_of(found({"www.example.org"})), "unknown");
  EXPECT_EQ(class_of(found({"odd-7.isp.example"})), "odd");
  EXPECT_EQ(class_of(found({"pool-7.static.isp.example"})), "static") << "an exception";
  EXPECT_EQ(class_of(found({"trusted-7.isp.example"})), "static");
}

TEST_F(ClientNamesTest, OfSeveralNamesOneThatIsStaticIsEnough) {
  EXPECT_EQ(class_of(found({"mail.pool-7.example", "pool-7.isp.example"})), "unknown");
  EXPECT_EQ(class_of(found({"pool-7.isp.example", "trusted-1.example"})), "static");
  EXPECT_EQ(names(found({"pool-7.isp.example", "trusted-1.example"})).name, "trusted-1.example");
}

TEST_F(ClientNamesTest, AnyOtherClassIsThatOfAll) {
  EXPECT_EQ(class_of(found({"pool-7.isp.example", "pool-8.isp.example"})), "dynamic");
  EXPECT_EQ(class_of(found({"pool-7.isp.example", "www.example.org"})), "unknown");
  EXPECT_EQ(class_of(found({"pool-7.isp.example", "odd-1.isp.example"})), "unknown");
}

TEST_F(ClientNamesTest, ANameThatNobodyConfirmsSpeaksOnlyAgainstTheClient) {
  const auto claimed = names(found({}, {"pool-7.isp.example"}));
  EXPECT_EQ(claimed.reverse, Reverse::kUnconfirmed);
  EXPECT_EQ(claimed.name, "") << "backends are not told";
  EXPECT_EQ(claimed.name_class, "dynamic");
  EXPECT_EQ(claimed.evidence.name, "pool-7.isp.example");
  EXPECT_EQ(class_of(found({}, {"trusted-7.bank.example"})), "unknown");
  EXPECT_EQ(class_of(found({}, {"pool-7.static.isp.example"})), "unknown");
  EXPECT_EQ(class_of(found({"www.example.org"}, {"pool-7.isp.example"})), "unknown")
      << "the confirmed ones are the client's";
}

TEST_F(ClientNamesTest, NoName) {
  const auto none = names(found({}));
  EXPECT_EQ(none.reverse, Reverse::kNone);
  EXPECT_EQ(none.name_class, "unknown");
  EXPECT_EQ(none.fault, "");
}

TEST_F(ClientNamesTest, AnAnswerThatDidNotComeMattersWhereItCouldChangeTheClass) {
  // Dynamic whether it is confirmed or not.
  const auto failed = names(found({}, {}, {"pool-7.isp.example"}));
  EXPECT_EQ(failed.reverse, Reverse::kTemperror);
  EXPECT_EQ(failed.name_class, "dynamic");
  EXPECT_EQ(failed.fault, "pool-7.isp.example: SERVFAIL");
  EXPECT_FALSE(failed.could_be_nameless);
  EXPECT_EQ(class_of(found({}, {}, {"trusted-7.isp.example"})), "missing");
  EXPECT_EQ(class_of(found({"trusted-7.isp.example"}, {}, {"pool-7.isp.example"})), "static");
  EXPECT_EQ(class_of(found({"pool-7.isp.example"}, {}, {"www.example.org"})), "missing");
  EXPECT_EQ(class_of(found({"pool-7.isp.example"}, {}, {"pool-8.isp.example"})), "dynamic");
  const auto nothing = names(ReverseLookup{});
  EXPECT_EQ(nothing.name_class, std::nullopt);
  EXPECT_TRUE(nothing.could_be_nameless);
}

TEST_F(ClientNamesTest, WithoutTablesNoAnswerIsMissed) {
  EXPECT_EQ(client_names(ReverseLookup{}, nullptr).name_class, "unknown");
  EXPECT_EQ(client_names(found({}, {"a\n\xff.example"}), nullptr).evidence.name, "a??.example");
}

TEST_F(ClientNamesTest, WhatAClientSaysOfItselfProvesNothing) {
  EXPECT_EQ(classify_helo("pool-7.isp.example", classes_.get()).name_class, "dynamic");
  EXPECT_EQ(classify_helo("pool-7.static.isp.example", classes_.get()).name_class, "unknown");
  EXPECT_EQ(classify_helo("trusted-7.isp.example", classes_.get()).name_class, "unknown");
  EXPECT_EQ(classify_helo("", classes_.get()).name_class, "unknown");
}

TEST_F(ClientNamesTest, TheLogTellsWhoseWordAClassIs) {
  auto known = names(found({}, {"pool-7.isp.example"}));
  known.helo = classify_helo("pool-8.isp.example", classes_.get());
  EXPECT_EQ(names_text(known),
            "rdns=unconfirmed name=pool-7.isp.example name-class=dynamic helo-class=dynamic");
  EXPECT_EQ(names_text(names(ReverseLookup{})),
            "rdns=temperror name=- name-class=missing helo-class=unknown");
}

// Every subset of the failed names may be the confirmed ones; the class is known where all agree.
TEST_F(ClientNamesTest, AgreesWithTryingEveryWay) {
  const std::vector<std::string> kNames = {"pool-1.x.example", "pool-2.x.example",
                                           "www.x.example",    "odd-1.x.example",
                                           "odd-2.x.example",  "trusted-1.x.example"};
  std::mt19937 random(7);
  for (int round = 0; round < 2000; round++) {
    std::vector<std::string> confirmed, unconfirmed, failed;
    for (const auto& name : kNames) switch (random() % 5) {
        case 0:
          confirmed.push_back(name);
          break;
        case 1:
          unconfirmed.push_back(name);
          break;
        case 2:
          failed.push_back(name);
          break;
        default:
          break;
      }
    std::set<std::string> possible;
    for (size_t choice = 0; choice < size_t{1} << failed.size(); choice++) {
      auto yes = confirmed, no = unconfirmed;
      for (size_t i = 0; i < failed.size(); i++)
        ((choice >> i & 1) != 0 ? yes : no).push_back(failed[i]);
      possible.insert(class_of(found(yes, no)));
    }
    const auto expected = possible.size() == 1 ? *possible.begin() : "missing";
    EXPECT_EQ(class_of(found(confirmed, unconfirmed, failed)), expected);
  }
}

}  // namespace
}  // namespace postern::policy
