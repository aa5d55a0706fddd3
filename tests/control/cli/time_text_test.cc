// SPDX-License-Identifier: BSD-3-Clause
//
// Times and durations: what is read, what is refused, and how they are written.
#include "control/cli/time_text.h"

#include <gtest/gtest.h>

namespace postern::cli {
namespace {

TEST(TimeText, WritesUtc) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(1700000000), "2023-11-14T22:13:20Z");
  EXPECT_EQ(utc_text(1709164800), "2024-02-29T00:00:00Z");
  EXPECT_EQ(utc_text(INT64_MAX), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(INT64_MIN), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text_micro(1'700'000'000'000'001'999), "2023-11-14T22:13:20.000001Z");
}

TEST(TimeText, WritesWhatItReads) {
  for (int64_t time = 0; time < 4'000'000'000; time += 86'399'977)
    EXPECT_EQ(parse_time(utc_text(time)), time);
}

TEST(TimeText, ReadsDurations) {
  EXPECT_EQ(parse_duration("90"), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("30m"), std::chrono::minutes(30));
  EXPECT_EQ(parse_duration("1h"), std::chrono::hours(1));
  EXPECT_EQ(parse_duration("7d"), std::chrono::hours(168));
  EXPECT_EQ(parse_duration("1h30m"), std::chrono::minutes(90));
}

TEST(TimeText, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "0", "0s", "h", "1w", "1h30", "30m1h", "1h1h", "1.5h", "-1h", "1 h",
                           "99999999999999999999", "4000d", "100000000000000000d"})
    EXPECT_EQ(parse_duration(text), std::nullopt) << text;
}

TEST(TimeText, WritesTheTwoLargestUnits) {
  EXPECT_EQ(duration_text(0), "0 s");
  EXPECT_EQ(duration_text(59), "59 s");
  EXPECT_EQ(duration_text(60), "1 min");
  EXPECT_EQ(duration_text(3303), "55 min 3 s");
  EXPECT_EQ(duration_text(3600), "1 h");
  EXPECT_EQ(duration_text(3661), "1 h 1 min");
  EXPECT_EQ(duration_text(2 * 86400 + 4 * 3600 + 59), "2 d 4 h");
  EXPECT_EQ(duration_text(-90), "-1 min 30 s");
}

TEST(TimeText, SaysHowFarAwayATimeIs) {
  EXPECT_EQ(until_text(1060, 1000), "in 1 min");
  EXPECT_EQ(until_text(1000, 1000), "0 s ago");
  EXPECT_EQ(until_text(940, 1000), "1 min ago");
}

}  // namespace
}  // namespace postern::cli
