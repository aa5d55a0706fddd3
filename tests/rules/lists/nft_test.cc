// SPDX-License-Identifier: BSD-3-Clause
//
// Format nft: what `nft list` prints and `nft -f` reads, what is only remarked, bad elements, and
// damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/lists/duration.h"
#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kListed = R"(table ip t {
	set s {
		type ipv4_addr
		flags interval,timeout
		auto-merge
		timeout 1d
		comment "hello { there"
		elements = { 0.0.0.0/8 expires 23h59m59s936ms, 1.2.3.4-1.2.3.9 timeout 30s expires 29s936ms,
			     10.0.0.0/8,
			     192.0.2.1 timeout 1h comment "foo, bar" }
	}

	set c {
		type ipv4_addr . inet_service
		elements = { 1.2.3.4 . 80 }
	}

	set d {
		type ipv4_addr
		size 65535
		flags dynamic
		counter
		elements = { 5.5.5.5 counter packets 0 bytes 0 timeout 0s }
	}

	map m {
		type ipv4_addr : verdict
		elements = { 1.1.1.1 : drop }
	}

	chain input {
		type filter hook input priority filter; policy accept;
		ip saddr { 6.6.6.6, 6.6.6.7 } drop
		ip saddr @s drop
	}
}
table inet f {
	set s6 {
		typeof ip6 saddr
		flags interval
		elements = { ::1-::5,
			     2001:db8::/32 }
	}
}
)";

TEST(Nft, ReadsWhatNftLists) {
  const auto content = read_list("nft", kListed);
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(entries_of(content),
              ElementsAre("0.0.0.0/8@8", "1.2.3.4-1.2.3.9@8", "10.0.0.0/8@9", "192.0.2.1/32@10",
                          "5.5.5.5/32@23", "::1-::5@41", "2001:db8::/32@42"));
  const auto notes = notes_of(content);
  EXPECT_EQ(notes[0], (EntryNote{.word = "s", .expires_at = kModifiedAt + 86399}));
  EXPECT_EQ(notes[1], (EntryNote{.word = "s", .expires_at = kModifiedAt + 29}));
  EXPECT_EQ(notes[2], (EntryNote{.word = "s", .expires_at = kModifiedAt + 86400}));
  EXPECT_EQ(notes[3],
            (EntryNote{.word = "s", .text = "foo, bar", .expires_at = kModifiedAt + 3600}));
  EXPECT_EQ(notes[4], (EntryNote{.word = "d"}));
  EXPECT_EQ(notes[5], (EntryNote{.word = "s6"}));
  EXPECT_THAT(remarks_of(content),
              ElementsAre("a.list:14: set \"c\" is of type \"ipv4_addr . inet_service\", not of "
                          "addresses, so it is not read",
                          "a.list:26: map \"m\" is not a set, so it is not read"));
}

TEST(Nft, ReadsCommandsAndElementsAlone) {
  const auto content =
      read_list("nft",
                "#!/usr/sbin/nft -f\nflush ruleset\nadd table ip t\n"
                "add set ip t s { type ipv4_addr; flags timeout; timeout 60s; }\n"
                "add element ip t s { 192.0.2.1, 192.0.2.2 timeout 5s }\n"
                "add element ip t other {\n  192.0.2.3 ,\n  192.0.2.4 - 192.0.2.9\n}\n"
                "elements = {\n  198.51.100.1/24, # masked\n}\n");
  EXPECT_THAT(skipped_of(content), ElementsAre());
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.1/32@5", "192.0.2.2/32@5", "192.0.2.3/32@7",
                                               "192.0.2.4-192.0.2.9@8", "198.51.100.0/24@11"));
  const auto notes = notes_of(content);
  EXPECT_EQ(notes[0], (EntryNote{.word = "s", .expires_at = kModifiedAt + 60}));
  EXPECT_EQ(notes[1], (EntryNote{.word = "s", .expires_at = kModifiedAt + 5}));
  EXPECT_EQ(notes[2], (EntryNote{.word = "other"}));
  EXPECT_EQ(notes[4], EntryNote{});
}

TEST(Nft, SaysWhatIsWrongWithAnElement) {
  const auto content = read_list("nft",
                                 "elements = { 010.0.0.1, $bad, 192.0.2.9-192.0.2.1,\n"
                                 "192.0.2.1 timeout soon, 192.0.2.1 192.0.2.2, 1.2.3.4 . 80,\n"
                                 "example.net, 192.0.2.1 timeout }\n192.0.2.77\nadd element x\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre(HasSubstr(":1: \"010.0.0.1\" has an octet with a leading zero"),
                          HasSubstr(":1: \"$bad\" is not an address"),
                          HasSubstr(":1: \"192.0.2.9-192.0.2.1\" ends before it begins"),
                          "a.list:2: \"soon\" is not a duration",
                          "a.list:2: \"192.0.2.2\" is not an option of an element",
                          HasSubstr(":3: \"example.net\" is not an address"),
                          "a.list:3: \"\" is not a duration",
                          "a.list:4: \"192.0.2.77\" begins no statement of nftables",
                          "a.list:5: there are no elements in braces here"));
  EXPECT_THAT(remarks_of(content),
              ElementsAre("a.list:2: \"1.2.3.4\" is part of a concatenation, so it is not read"));
}

TEST(Nft, IsRefusedWhenItEndsInTheMiddle) {
  for (const size_t size : {kListed.size() - 3, kListed.find("10.0.0.0"), kListed.find("6.6.6.7"),
                            kListed.find("map"), kListed.find("flags")})
    EXPECT_THROW(read_list("nft", kListed.substr(0, size)), BadInput) << size;
}

TEST(Duration, IsReadAsNftWritesIt) {
  EXPECT_EQ(parse_duration("90"), 90);
  EXPECT_EQ(parse_duration("1w2d3h4m5s999ms"), 7 * 86400 + 2 * 86400 + 3 * 3600 + 4 * 60 + 5);
  EXPECT_EQ(parse_duration("0s"), 0);
  for (const char* text : {"", "s", "1x", "1d2", "-1s", "1 s", "9999999999999s", "999999999999w"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

}  // namespace
}  // namespace postern::test
