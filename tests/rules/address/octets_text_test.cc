// SPDX-License-Identifier: BSD-3-Clause
//
// Prefixes that are written as leading octets.
#include "rules/address/octets_text.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

std::string read(std::string_view text) {
  std::string why;
  const auto prefix = read_octets(text, &why);
  return prefix ? prefix->to_string() : why;
}

TEST(Octets, StandForAPrefix) {
  EXPECT_EQ(read("10"), "10.0.0.0/8");
  EXPECT_EQ(read("10.1"), "10.1.0.0/16");
  EXPECT_EQ(read("0.0.0"), "0.0.0.0/24");
  EXPECT_EQ(read("255.255.255.255"), "255.255.255.255/32");
}

TEST(Octets, AreStrict) {
  EXPECT_EQ(read("010.1"),
            "\"010.1\" has an octet with a leading zero, which some would read as "
            "octal");
  for (const std::string text : {"", ".", "10.", "10..1", "256", "1.2.3.4.5", "1.2.3.4.", "-1",
                                 "1e1", "00", "0001", "4294967306"})
    EXPECT_NE(read(text).find('"' + text + "\" "), std::string::npos) << text;
}

}  // namespace
}  // namespace postern
