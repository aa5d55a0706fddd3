// SPDX-License-Identifier: BSD-3-Clause
//
// Fields there and back: as on the wire for signatures, and as mail servers take them.
#include "control/milter/message_text.h"

#include <gtest/gtest.h>

namespace postern::milter {
namespace {

TEST(MessageText, EveryOctetOfAValueIsKeptWhereBlanksAreTold) {
  EXPECT_EQ(field_on_the_wire("A", " b", true), "A: b\r\n");
  EXPECT_EQ(field_on_the_wire("A", "b", true), "A:b\r\n");
  EXPECT_EQ(field_on_the_wire("A", " \t b \t", true), "A: \t b \t\r\n");
  EXPECT_EQ(field_on_the_wire("A", "", true), "A:\r\n");
  EXPECT_EQ(field_on_the_wire("A", " b\n c\n\td", true), "A: b\r\n c\r\n\td\r\n");
  EXPECT_EQ(field_on_the_wire("A", "\n b", true), "A:\r\n b\r\n");
  EXPECT_EQ(field_on_the_wire("A", " b\r\n c", true), "A: b\r\n c\r\n");
  EXPECT_EQ(field_on_the_wire("A", " b\rc", true), "A: b\rc\r\n");
}

TEST(MessageText, TheBlankIsGuessedWhereItIsNotTold) {
  EXPECT_EQ(field_on_the_wire("A", "b", false), "A: b\r\n");
  EXPECT_EQ(field_on_the_wire("A", " b", false), "A:  b\r\n");
  EXPECT_EQ(field_on_the_wire("A", "\tb", false), "A:\tb\r\n");
  EXPECT_EQ(field_on_the_wire("A", "\n b", false), "A:\r\n b\r\n");
  EXPECT_EQ(field_on_the_wire("A", "", false), "A: \r\n");
}

TEST(MessageText, ServersGetBareLineFeeds) {
  EXPECT_EQ(value_for_server(" b;\r\n\tc", true), " b;\n\tc");
  EXPECT_EQ(value_for_server(" b;\r\n\tc", false), "b;\n\tc");
  EXPECT_EQ(value_for_server("", false), "");
  EXPECT_EQ(value_for_server("b\r", true), "b\r");
}

}  // namespace
}  // namespace postern::milter
