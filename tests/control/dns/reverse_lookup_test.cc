// SPDX-License-Identifier: BSD-3-Clause
//
// Reverse names, and look-ups by a scripted resolver and by a master file: confirmed, forged,
// absent, failing, too many, and cancelled.
#include "control/dns/reverse_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <optional>
#include <string>

#include "control/dns/master_file_resolver.h"
#include "tests/support/scripted_resolver.h"

namespace postern::dns {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using LookupStatus = ReverseLookup::Status;

ReverseLookup look_up(Resolver& resolver, std::string_view address) {
  boost::asio::io_context loop;
  std::optional<ReverseLookup> result;
  boost::asio::co_spawn(loop, look_up_reverse(resolver, *IpAddress::parse(address)),
                        [&](std::exception_ptr error, ReverseLookup lookup) {
                          if (error) std::rethrow_exception(error);
                          result = std::move(lookup);
                        });
  loop.run();
  return result.value();
}

Answer found(std::vector<std::string> records) {
  return {.status = Status::kFound, .records = std::move(records), .secure = false, .detail = {}};
}

TEST(ReverseLookup, ReverseNames) {
  EXPECT_EQ(reverse_name(*IpAddress::parse("192.0.2.17")), "17.2.0.192.in-addr.arpa");
  // RFC 3596 §2.5.
  EXPECT_EQ(reverse_name(*IpAddress::parse("4321:0:1:2:3:4:567:89ab")),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa");
}

constexpr std::string_view kZone = R"($TTL 60
1.2.0.192.in-addr.arpa.  IN PTR mail.example.org.
2.2.0.192.in-addr.arpa.  IN PTR forged.example.org.
3.2.0.192.in-addr.arpa.  IN PTR Mail.Example.ORG.
3.2.0.192.in-addr.arpa.  IN PTR gone.example.org.
3.2.0.192.in-addr.arpa.  IN PTR six.example.org.
4.2.0.192.in-addr.arpa.  IN TXT "no name"
b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa. IN PTR six.example.org.
mail.example.org.    IN A 192.0.2.1
mail.example.org.    IN A 192.0.2.3
forged.example.org.  IN A 198.51.100.1
six.example.org.     IN AAAA 4321:0:1:2:3:4:567:89ab
)";

TEST(ReverseLookup, OfAMasterFile) {
  MasterFileResolver resolver(MasterFile::parse(kZone, "zone"));
  auto lookup = look_up(resolver, "192.0.2.1");
  EXPECT_EQ(lookup.status, LookupStatus::kConfirmed);
  EXPECT_THAT(lookup.confirmed, ElementsAre("mail.example.org"));
  EXPECT_THAT(lookup.unconfirmed, IsEmpty());
  EXPECT_EQ(lookup.detail, "");

  lookup = look_up(resolver, "192.0.2.2");
  EXPECT_EQ(lookup.status, LookupStatus::kUnconfirmed);
  EXPECT_THAT(lookup.unconfirmed, ElementsAre("forged.example.org"));

  lookup = look_up(resolver, "::ffff:192.0.2.3");
  EXPECT_EQ(lookup.status, LookupStatus::kConfirmed);
  EXPECT_THAT(lookup.confirmed, ElementsAre("mail.example.org"));
  EXPECT_THAT(lookup.unconfirmed, ElementsAre("gone.example.org", "six.example.org"));

  EXPECT_EQ(look_up(resolver, "192.0.2.4").status, LookupStatus::kNone);
  EXPECT_EQ(look_up(resolver, "192.0.2.5").status, LookupStatus::kNone);

  lookup = look_up(resolver, "4321:0:1:2:3:4:567:89ab");
  EXPECT_EQ(lookup.status, LookupStatus::kConfirmed);
  EXPECT_THAT(lookup.confirmed, ElementsAre("six.example.org"));
}

TEST(ReverseLookup, AFaultIsNeverNone) {
  ScriptedResolver resolver;
  resolver.fail("1.2.0.192.in-addr.arpa", RecordType::kPtr, "SERVFAIL");
  auto lookup = look_up(resolver, "192.0.2.1");
  EXPECT_EQ(lookup.status, LookupStatus::kTemperror);
  EXPECT_EQ(lookup.detail, "1.2.0.192.in-addr.arpa: SERVFAIL");
  EXPECT_EQ(resolver.asked().size(), 1u);

  // A name that fails beside one that is not confirmed: it might have been.
  resolver.set("2.2.0.192.in-addr.arpa", RecordType::kPtr, found({"b.example", "a.example"}));
  resolver.fail("b.example", RecordType::kA, "timeout");
  lookup = look_up(resolver, "192.0.2.2");
  EXPECT_EQ(lookup.status, LookupStatus::kTemperror);
  EXPECT_THAT(lookup.failed, ElementsAre("b.example"));
  EXPECT_THAT(lookup.unconfirmed, ElementsAre("a.example"));
  EXPECT_THAT(lookup.detail, HasSubstr("timeout"));

  // Beside one that is confirmed it changes nothing.
  resolver.set("a.example", RecordType::kA, found({"198.51.100.7", "192.0.2.2"}));
  lookup = look_up(resolver, "192.0.2.2");
  EXPECT_EQ(lookup.status, LookupStatus::kConfirmed);
  EXPECT_THAT(lookup.confirmed, ElementsAre("a.example"));
  EXPECT_THAT(lookup.failed, ElementsAre("b.example"));
}

TEST(ReverseLookup, NamesThatAreNoneAreNotAskedAbout) {
  ScriptedResolver resolver;
  resolver.set("1.2.0.192.in-addr.arpa", RecordType::kPtr,
               found({"two words.example", "", "a..b", std::string(300, 'x'), "-x.example"}));
  const auto lookup = look_up(resolver, "192.0.2.1");
  EXPECT_EQ(lookup.status, LookupStatus::kUnconfirmed);
  EXPECT_EQ(lookup.unconfirmed.size(), 5u);
  EXPECT_EQ(resolver.asked().size(), 1u);
}

TEST(ReverseLookup, NoMoreNamesThanTheBound) {
  ScriptedResolver resolver;
  std::vector<std::string> names;
  for (char c = 'z'; c >= 'a'; c--) names.push_back(std::string(1, c) + ".example");
  names.push_back("c.example");
  resolver.set("1.2.0.192.in-addr.arpa", RecordType::kPtr, found(names));
  resolver.set("j.example", RecordType::kA, found({"192.0.2.1"}));
  resolver.set("k.example", RecordType::kA, found({"192.0.2.1"}));
  const auto lookup = look_up(resolver, "192.0.2.1");
  EXPECT_TRUE(lookup.truncated);
  EXPECT_EQ(resolver.asked().size(), 1 + ReverseLookup::kMaxNames);
  EXPECT_THAT(lookup.confirmed, ElementsAre("j.example"));
  EXPECT_EQ(lookup.unconfirmed.size(), 9u);
  // The one that has it is behind the bound: that is not to be held against the address.
  resolver.set("j.example", RecordType::kA, found({"192.0.2.9"}));
  EXPECT_EQ(look_up(resolver, "192.0.2.1").status, LookupStatus::kTemperror);
}

TEST(ReverseLookup, EndsWhenItIsCancelled) {
  ScriptedResolver resolver;
  resolver.set("1.2.0.192.in-addr.arpa", RecordType::kPtr, found({"a.example"}));
  resolver.stall("a.example");
  boost::asio::io_context loop;
  boost::asio::cancellation_signal cancel;
  std::exception_ptr seen;
  boost::asio::co_spawn(
      loop, look_up_reverse(resolver, *IpAddress::parse("192.0.2.1")),
      boost::asio::bind_cancellation_slot(
          cancel.slot(), [&](std::exception_ptr error, const ReverseLookup&) { seen = error; }));
  while (resolver.waiting() == 0) loop.run_one();
  cancel.emit(boost::asio::cancellation_type::all);
  loop.run();
  EXPECT_TRUE(seen);
}

TEST(ReverseLookup, Words) {
  EXPECT_EQ(word(LookupStatus::kConfirmed), "confirmed");
  EXPECT_EQ(word(LookupStatus::kUnconfirmed), "unconfirmed");
  EXPECT_EQ(word(LookupStatus::kNone), "none");
  EXPECT_EQ(word(LookupStatus::kTemperror), "temperror");
}

}  // namespace
}  // namespace postern::dns
