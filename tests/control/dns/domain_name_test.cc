// SPDX-License-Identifier: BSD-3-Clause
//
// Domain names brought to A-labels: what is accepted, what is mapped, what is no name.
#include "control/dns/domain_name.h"

#include <gtest/gtest.h>

namespace postern::dns {
namespace {

TEST(ToALabels, LowersAsciiAndDropsTheFinalDot) {
  EXPECT_EQ(to_a_labels("Mail.EXAMPLE.Org"), "mail.example.org");
  EXPECT_EQ(to_a_labels("example.org."), "example.org");
  EXPECT_EQ(to_a_labels("s_1._domainkey.example.org"), "s_1._domainkey.example.org");
  EXPECT_EQ(to_a_labels("xn--bcher-kva.example"), "xn--bcher-kva.example");
}

TEST(ToALabels, ConvertsULabels) {
  EXPECT_EQ(to_a_labels("b\xc3\xbc"
                        "cher.example"),
            "xn--bcher-kva.example");
  EXPECT_EQ(to_a_labels("B\xc3\x9c"
                        "CHER.example"),
            "xn--bcher-kva.example");
  // U+3002 IDEOGRAPHIC FULL STOP separates labels (UTS 46).
  EXPECT_EQ(to_a_labels("b\xc3\xbc"
                        "cher\xe3\x80\x82"
                        "example"),
            "xn--bcher-kva.example");
  // Sharp s stays itself (IDNA 2008, not transitional).
  EXPECT_EQ(to_a_labels("stra\xc3\x9f"
                        "e.example"),
            "xn--strae-oqa.example");
}

TEST(ToALabels, RefusesWhatIsNoName) {
  for (const std::string_view name :
       {"", ".", "..", "a..b", ".a", "a b", "a\tb", "-a.example", "a-.example", "a/b", "a@b",
        "[192.0.2.1]", "a\\.b", "example.org..", "\xff\xfe", "\xc3"}) {
    EXPECT_EQ(to_a_labels(name), std::nullopt) << name;
  }
  EXPECT_EQ(to_a_labels(std::string_view("a\0b", 3)), std::nullopt);
  EXPECT_EQ(to_a_labels(std::string_view("\xc3\xbc\0b", 4)), std::nullopt);
}

TEST(ToALabels, HoldsTheLengthsOfRfc1035) {
  const std::string label(63, 'a');
  EXPECT_EQ(to_a_labels(label), label);
  EXPECT_EQ(to_a_labels(label + "a"), std::nullopt);
  const std::string longest = label + '.' + label + '.' + label + '.' + std::string(61, 'b');
  EXPECT_EQ(longest.size(), kMaxNameLength);
  EXPECT_EQ(to_a_labels(longest), longest);
  EXPECT_EQ(to_a_labels(longest + "b"), std::nullopt);
}

TEST(IsWithin, LooksAtWholeLabels) {
  EXPECT_TRUE(is_within("example.org", "example.org"));
  EXPECT_TRUE(is_within("a.example.org", "example.org"));
  EXPECT_FALSE(is_within("anexample.org", "example.org"));
  EXPECT_FALSE(is_within("example.org", "a.example.org"));
  EXPECT_FALSE(is_within("example.org.evil", "example.org"));
}

TEST(EqualsIgnoringCase, IsAboutAsciiOnly) {
  EXPECT_TRUE(equals_ignoring_case("dKiM-sIGNATURE", "DKIM-Signature"));
  EXPECT_FALSE(equals_ignoring_case("\xc3\x84", "\xc3\xa4"));
  EXPECT_FALSE(equals_ignoring_case("a", "ab"));
}

}  // namespace
}  // namespace postern::dns
