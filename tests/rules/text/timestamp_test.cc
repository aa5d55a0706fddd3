// SPDX-License-Identifier: BSD-3-Clause
//
// Points in time: what is read, and what is refused.
#include "rules/text/timestamp.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Timestamp, ReadsUnixSeconds) {
  EXPECT_EQ(parse_time("0"), 0);
  EXPECT_EQ(parse_time("1700000000"), 1700000000);
}

TEST(Timestamp, ReadsRfc3339) {
  EXPECT_EQ(parse_time("2023-11-14T22:13:20Z"), 1700000000);
  EXPECT_EQ(parse_time("2023-11-14t22:13:20z"), 1700000000);
  EXPECT_EQ(parse_time("2023-11-14 23:13:20+01:00"), 1700000000);
  EXPECT_EQ(parse_time("2023-11-14T13:43:20-08:30"), 1700000000);
  EXPECT_EQ(parse_time("2023-11-14T22:13:20.987Z"), 1700000000);
  EXPECT_EQ(parse_time("2016-12-31T23:59:60Z"), 1483228800);  // a leap second
  EXPECT_EQ(parse_time("2024-02-29T00:00:00Z"), 1709164800);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00Z"), 0);
}

TEST(Timestamp, RefusesWhatIsNoTime) {
  for (const char* text : {"",
                           " ",
                           "-1",
                           "1e9",
                           "12345678901234567890",
                           "now",
                           "2023-11-14",
                           "2023-11-14T22:13:20",
                           "2023-11-14T22:13Z",
                           "2023-13-14T22:13:20Z",
                           "2023-02-29T00:00:00Z",
                           "2023-11-14T24:00:00Z",
                           "2023-11-14T22:60:00Z",
                           "2023-11-14T22:13:61Z",
                           "2023-11-14T22:13:20.Z",
                           "2023-11-14T22:13:20+1:00",
                           "2023-11-14T22:13:20+24:00",
                           "2023-11-14T22:13:20Zulu",
                           "1969-12-31T23:59:59Z",
                           "2023-1-14T22:13:20Z"})
    EXPECT_EQ(parse_time(text), std::nullopt) << text;
}

}  // namespace
}  // namespace postern
