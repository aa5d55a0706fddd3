// SPDX-License-Identifier: BSD-3-Clause
//
// How long answers are kept, which go when there is no room, and a twin that looks through all of
// them each time.
#include "control/directory/answer_cache.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace postern::directory {
namespace {

using std::chrono::milliseconds;
using Time = AnswerCache::Time;

Time at(int64_t ms) {
  return Time{} + milliseconds{ms};
}

Answer known(std::string primary) {
  return {.presence = Presence::kKnown, .primary = std::move(primary)};
}
const Answer kNobody{.presence = Presence::kUnknown};

constexpr CacheOptions kTimes{.capacity = 10,
                              .known_time = milliseconds{100},
                              .unknown_time = milliseconds{10},
                              .stale_time = milliseconds{1000}};

TEST(AnswerCache, KnownAndUnknownHaveTheirTimes) {
  AnswerCache cache(kTimes);
  cache.put("a", known("x"), at(0));
  cache.put("b", kNobody, at(0));
  EXPECT_EQ(cache.find("a", at(99))->primary, "x");
  EXPECT_FALSE(cache.find("a", at(100)));
  EXPECT_EQ(cache.find("b", at(9))->presence, Presence::kUnknown);
  EXPECT_FALSE(cache.find("b", at(10)));
  EXPECT_FALSE(cache.find("c", at(0)));
}

TEST(AnswerCache, OnlyKnownOnesAreUsedBeyondTheirTime) {
  AnswerCache cache(kTimes);
  cache.put("a", known("x"), at(0));
  cache.put("b", kNobody, at(0));
  EXPECT_FALSE(cache.find_stale("a", at(50))->stale);
  EXPECT_TRUE(cache.find_stale("a", at(1099))->stale);
  EXPECT_FALSE(cache.find_stale("a", at(1100)));
  EXPECT_FALSE(cache.find_stale("b", at(5)));
}

TEST(AnswerCache, TheLastWordCountsAndNoWordIsNotKept) {
  AnswerCache cache(kTimes);
  cache.put("a", known("x"), at(0));
  cache.put("a", Answer{}, at(1));
  EXPECT_EQ(cache.find("a", at(2))->primary, "x");
  cache.put("a", kNobody, at(2));
  EXPECT_EQ(cache.find("a", at(3))->presence, Presence::kUnknown);
  EXPECT_FALSE(cache.find_stale("a", at(3)));
  EXPECT_EQ(cache.size(), 1u);
}

TEST(AnswerCache, AFloodOfUnknownAddressesPushesOutItsOwnKind) {
  AnswerCache cache(kTimes);
  for (char c = 'a'; c < 'f'; c++) cache.put(std::string(1, c), known("x"), at(0));
  for (int i = 0; i < 1000; i++) cache.put("flood" + std::to_string(i), kNobody, at(50));
  EXPECT_EQ(cache.size(), 10u);
  EXPECT_EQ(cache.forgotten(), 995u);
  for (char c = 'a'; c < 'f'; c++) EXPECT_TRUE(cache.find(std::string(1, c), at(60)));
  for (int i = 0; i < 20; i++) cache.put("more" + std::to_string(i), known("y"), at(50));
  EXPECT_EQ(cache.size(), 10u);
  EXPECT_FALSE(cache.find("a", at(60))) << "it would have ended first";
}

TEST(AnswerCache, NoTimeAtAllKeepsNothing) {
  AnswerCache cache({.capacity = 2, .known_time = {}, .unknown_time = {}, .stale_time = {}});
  cache.put("a", known("x"), at(0));
  cache.put("b", kNobody, at(0));
  EXPECT_EQ(cache.size(), 0u);
}

// All that is kept, in a map without order, searched from end to end.
class Twin {
 public:
  void put(const std::string& key, bool is_known, int64_t now) {
    kept_.erase(key);
    const int64_t fresh = now + (is_known ? 100 : 10);
    const int64_t end = is_known ? fresh + 1000 : fresh;
    if (kept_.size() >= 10) {
      auto first = kept_.begin();
      for (auto i = kept_.begin(); i != kept_.end(); i++)
        if (i->second.end < first->second.end) first = i;
      if (first->second.end > now && first->second.end > end) return;
      kept_.erase(first);
    }
    kept_[key] = {is_known, fresh, end};
  }
  // 'k', 'u', 's' or '-'.
  char find(const std::string& key, int64_t now) const {
    const auto i = kept_.find(key);
    if (i == kept_.end()) return '-';
    if (i->second.fresh > now) return i->second.known ? 'k' : 'u';
    return i->second.known && i->second.end > now ? 's' : '-';
  }

 private:
  struct Kept {
    bool known;
    int64_t fresh, end;
  };
  std::map<std::string, Kept> kept_;
};

TEST(AnswerCache, AgreesWithItsTwin) {
  std::mt19937 random(7);
  AnswerCache cache(kTimes);
  Twin twin;
  int64_t now = 0;
  std::map<char, int> seen;
  for (int step = 0; step < 50'000; step++) {
    now += 1 + static_cast<int64_t>(random() % (random() % 50 == 0 ? 900 : 5));  // no two at once
    const std::string key(1, static_cast<char>('a' + random() % 25));
    if (random() % 2 == 0) {
      const bool is_known = random() % 3 == 0;
      cache.put(key, is_known ? known(key) : kNobody, at(now));
      twin.put(key, is_known, now);
    }
    const auto fresh = cache.find(key, at(now));
    const auto stale = cache.find_stale(key, at(now));
    char found = '-';
    if (fresh)
      found = fresh->presence == Presence::kKnown ? 'k' : 'u';
    else if (stale)
      found = 's';
    ASSERT_EQ(found, twin.find(key, now)) << step;
    ASSERT_LE(cache.size(), 10u);
    seen[found]++;
  }
  for (const char kind : {'k', 'u', 's', '-'}) EXPECT_GT(seen[kind], 100) << kind;
}

}  // namespace
}  // namespace postern::directory
