// SPDX-License-Identifier: BSD-3-Clause
//
// Format juniper: both ways of writing a configuration, what is only remarked, bad lines, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/rules/lists/read_list.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view kBraces = R"(## Last commit: today
policy-options {
replace:
 prefix-list POOLS {
    192.0.2.0/24; /* the
      first */
    2001:db8::/32;
    apply-path "interfaces <*> unit <*> family inet address <*>";
    inactive: 198.51.100.0/24;
 }
 inactive: prefix-list OLD {
    203.0.113.0/24;
 }
 policy-statement IN {
    from { prefix-list POOLS; route-filter 10.0.0.0/8 exact; }
    then accept;
 }
}
)";

TEST(Juniper, ReadsBraces) {
  const auto content = read_list("juniper", kBraces);
  EXPECT_THAT(skipped_of(content), IsEmpty());
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.0/24@5", "2001:db8::/32@7"));
  EXPECT_EQ(notes_of(content)[0], EntryNote{.word = "POOLS"});
  EXPECT_THAT(remarks_of(content),
              ElementsAre("a.list:8: \"apply-path\" is known to the router only, so it is not read",
                          "a.list:9: \"198.51.100.0/24\" is inactive, so it is not read",
                          "a.list:11: prefix-list \"OLD\" is inactive, so it is not read"));
}

TEST(Juniper, ReadsSetLines) {
  const auto content = read_list("juniper",
                                 "set system host-name r1\n"
                                 "set policy-options prefix-list POOLS 192.0.2.0/24\n"
                                 "set groups G policy-options prefix-list V6 2001:db8::/32\n"
                                 "set policy-options prefix-list EMPTY\n"
                                 "set policy-options prefix-list A apply-path \"x <*>\"\n"
                                 "set policy-options policy-statement P from prefix-list POOLS\n"
                                 "deactivate policy-options prefix-list POOLS\n"
                                 "set policy-options prefix-list B 192.0.2.1/24\n");
  EXPECT_THAT(entries_of(content), ElementsAre("192.0.2.0/24@2", "2001:db8::/32@3"));
  EXPECT_THAT(
      remarks_of(content),
      ElementsAre(HasSubstr("a.list:5: \"apply-path\""),
                  "a.list:7: deactivate prefix-list \"POOLS\" takes nothing away here, so it "
                  "is not read"));
  EXPECT_THAT(skipped_of(content), ElementsAre(HasSubstr("a.list:8: \"192.0.2.1/24\" has bits")));
}

TEST(Juniper, SaysWhatIsWrongWithALine) {
  const auto content = read_list("juniper",
                                 "prefix-list A {\n192.0.2.1/24;\n012.0.0.0/8;\n10.0.0.0/8 x;\n"
                                 "host;\n}\n}\nprefix-list B\n");
  EXPECT_THAT(entries_of(content), IsEmpty());
  EXPECT_THAT(skipped_of(content),
              ElementsAre(HasSubstr(":2: \"192.0.2.1/24\" has bits set"),
                          HasSubstr(":3: \"012.0.0.0/8\" has an octet with a leading zero"),
                          "a.list:4: \"x\" follows a prefix",
                          "a.list:5: \"host\" is not an address or a prefix",
                          "a.list:7: this brace closes none that is open",
                          "a.list:8: \"prefix-list\" begins a statement that has no end"));
}

TEST(Juniper, IsRefusedWhenItEndsInTheMiddle) {
  for (const auto* place : {"2001:db8", "inactive: prefix", "then accept"})
    EXPECT_THROW(read_list("juniper", kBraces.substr(0, kBraces.find(place))), BadInput) << place;
}

}  // namespace
}  // namespace postern::test
