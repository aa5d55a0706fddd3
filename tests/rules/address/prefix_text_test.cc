// SPDX-License-Identifier: BSD-3-Clause
//
// What is said about prefixes that are none.
#include "rules/address/prefix_text.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::string fault_of(std::string_view text) {
  std::string why;
  return read_prefix(text, &why) ? "" : why;
}

TEST(PrefixText, SaysNothingAboutAPrefix) {
  EXPECT_EQ(fault_of("192.0.2.0/24"), "");
  EXPECT_EQ(fault_of("2001:db8::1"), "");
}

TEST(PrefixText, NamesTheMaskedPrefix) {
  EXPECT_EQ(fault_of("192.0.2.1/24"),
            "\"192.0.2.1/24\" has bits set behind its length; did you mean 192.0.2.0/24?");
}

TEST(PrefixText, NamesTheOctalTrap) {
  for (const char* text : {"012.0.0.1", "1.2.3.04", "1.00.3.4/8"})
    EXPECT_NE(fault_of(text).find("leading zero"), std::string::npos) << text;
  EXPECT_EQ(fault_of("10.20.0.1x"), "\"10.20.0.1x\" is not an address or a prefix");
}

TEST(PrefixText, RefusesIpv4InsideIpv6) {
  EXPECT_EQ(fault_of("::ffff:192.0.2.1"),
            "\"::ffff:192.0.2.1\" is IPv4 written as IPv6, which no packet carries; did you mean "
            "192.0.2.1/32?");
  EXPECT_NE(fault_of("::ffff:c000:200/120").find("did you mean 192.0.2.0/24?"), std::string::npos);
  EXPECT_NE(fault_of("::ffff:0:0/97"), "");
  // All of it is a bogon, and so is what is around it; the compatible addresses are plain IPv6.
  for (const char* text : {"::ffff:0:0/96", "::/8", "::fffe:0:0/95", "::192.0.2.1"})
    EXPECT_EQ(fault_of(text), "") << text;
}

TEST(PrefixText, ShowsForeignBytesSafely) {
  EXPECT_EQ(fault_of("\x1b[2J\n"), "\"?[2J?\" is not an address or a prefix");
  EXPECT_EQ(fault_of(std::string(1000, 'x')),
            '"' + std::string(40, 'x') + "...\" is not an address or a prefix");
}

}  // namespace
}  // namespace postern
