// SPDX-License-Identifier: BSD-3-Clause
//
// The file of learned entries: what comes back, what goes, what two who have it open see of each
// other, and what is refused.
#include "control/learning/learned_file.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <map>
#include <random>
#include <stdexcept>

#include "tests/control/learning/learned_example.h"

namespace postern::learning::test {
namespace {

using Purpose = LearnedFile::Purpose;
constexpr size_t kMany = 1000;

TEST(LearnedFile, WhatWasWrittenComesBack) {
  const Folder folder;
  {
    LearnedFile file(folder.file(), Purpose::kKeep);
    auto changes = put(example("192.0.2.1/32", 2000));
    changes.trusted[prefix("198.51.100.1/32")] = {"b.example", 3000};
    file.write(changes, 1000, kMany, kMany);
  }
  LearnedFile file(folder.file(), Purpose::kRead);
  const auto entries = file.entries(1000);
  ASSERT_EQ(entries.size(), 1u);
  const auto wanted = example("192.0.2.1/32", 2000);
  EXPECT_EQ(entries[0].prefix, wanted.prefix);
  EXPECT_EQ(entries[0].learned, 900);
  EXPECT_EQ(entries[0].expires, 2000);
  EXPECT_EQ(entries[0].rule, wanted.rule);
  EXPECT_EQ(entries[0].reason, wanted.reason);
  ASSERT_EQ(entries[0].evidence.size(), 2u);
  EXPECT_EQ(entries[0].evidence[0].time, 859);
  EXPECT_EQ(entries[0].evidence[1].id, "1a2b-2.1");
  EXPECT_EQ(entries[0].evidence[1].what, "wrote to a spamtrap");
  const auto trusted = file.trusted(1000);
  ASSERT_EQ(trusted.size(), 1u);
  EXPECT_EQ(trusted.begin()->second.domain, "b.example");
  EXPECT_TRUE(file.entries(2000).empty()) << "its time is over";
  EXPECT_TRUE(file.trusted(3000).empty());
}

TEST(LearnedFile, TheLongestPrefixIsFirst) {
  const Folder folder;
  LearnedFile file(folder.file(), Purpose::kKeep);
  for (const char* text : {"192.0.2.0/24", "192.0.2.1/32", "192.0.2.2/32", "2001:db8::/48"})
    file.write(put(example(text, 2000)), 1000, kMany, kMany);
  const auto found = file.covering(*IpAddress::parse("192.0.2.1"), 1000);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].prefix, prefix("192.0.2.1/32"));
  EXPECT_EQ(found[1].prefix, prefix("192.0.2.0/24"));
  EXPECT_EQ(found[1].evidence.size(), 2u);
  EXPECT_EQ(file.covering(*IpAddress::parse("2001:db8::9"), 1000).size(), 1u);
  EXPECT_TRUE(file.covering(*IpAddress::parse("192.0.3.1"), 1000).empty());
}

TEST(LearnedFile, BeyondTheCapacityTheFirstToExpireGoes) {
  const Folder folder;
  LearnedFile file(folder.file(), Purpose::kKeep);
  LearnedChanges changes;
  for (int i = 0; i < 20; i++) {
    const auto entry = example("192.0.2." + std::to_string(i) + "/32", 2000 + (i * 7) % 20);
    changes.entries[entry.prefix] = entry;
    changes.trusted[entry.prefix] = {"b.example", 2000 + (i * 3) % 20};
  }
  file.write(changes, 1000, 5, 3);
  EXPECT_EQ(file.entries(1000).size(), 5u);
  for (const auto& entry : file.entries(1000)) EXPECT_GE(entry.expires, 2015);
  EXPECT_EQ(file.trusted(1000).size(), 3u);
  file.write({}, 2017, 5, 3);
  EXPECT_EQ(file.entries(0).size(), 2u) << "what has expired is not kept either";
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(folder.file().c_str(), &database), SQLITE_OK);
  sqlite3_stmt* count = nullptr;
  sqlite3_prepare_v2(database, "SELECT count(*) FROM evidence", -1, &count, nullptr);
  ASSERT_EQ(sqlite3_step(count), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(count, 0), 4) << "nor its evidence";
  sqlite3_finalize(count);
  sqlite3_close(database);
}

TEST(LearnedFile, ARemovalIsSeenByWhoHasItOpen) {
  const Folder folder;
  LearnedFile control(folder.file(), Purpose::kKeep);
  control.write(put(example("192.0.2.1/32", 2000)), 1000, kMany, kMany);
  const auto version = control.version();
  EXPECT_EQ(control.version(), version);
  {
    LearnedFile by_hand(folder.file(), Purpose::kChange);
    EXPECT_FALSE(by_hand.remove(prefix("192.0.2.2/32"), "root", "", 1000));
    EXPECT_FALSE(by_hand.remove(prefix("192.0.2.1/32"), "root", "", 2000)) << "it has expired";
    EXPECT_EQ(control.version(), version);
    EXPECT_TRUE(by_hand.remove(prefix("192.0.2.1/32"), "root", "a friend's", 1001));
  }
  EXPECT_NE(control.version(), version);
  auto removals = control.removals_to_do(0);
  ASSERT_EQ(removals.size(), 1u);
  EXPECT_EQ(removals[0].prefix, prefix("192.0.2.1/32"));
  EXPECT_EQ(removals[0].by, "root");
  EXPECT_EQ(removals[0].why, "a friend's");
  EXPECT_EQ(removals[0].time, 1001);
  EXPECT_TRUE(control.entries(1001).empty());
  const auto number = removals[0].number;
  EXPECT_EQ(control.removals_to_do(number).size(), 1u) << "nobody has done it";
  LearnedChanges done;
  done.carried_out = {number};
  control.write(done, 1002, kMany, kMany);
  EXPECT_TRUE(control.removals_to_do(number).empty());
  EXPECT_EQ(control.removals_to_do(0).size(), 1u) << "for another process that has not seen it";
  EXPECT_EQ(control.removals().size(), 1u) << "and for who looks later";
}

TEST(LearnedFile, WhoMayOnlyReadReads) {
  const Folder folder;
  LearnedFile(folder.file(), Purpose::kKeep)
      .write(put(example("192.0.2.1/32", 2000)), 1000, kMany, kMany);
  LearnedFile reader(folder.file(), Purpose::kRead);
  EXPECT_EQ(reader.entries(1000).size(), 1u);
  EXPECT_THROW(reader.remove(prefix("192.0.2.1/32"), "", "", 1000), std::runtime_error);
  EXPECT_EQ(reader.entries(1000).size(), 1u);
}

std::string refusal_of(const std::string& path, Purpose purpose) {
  try {
    const LearnedFile file(path, purpose);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return {};
}

TEST(LearnedFile, WhatIsNoneIsRefusedAndLeftAsItIs) {
  const Folder folder;
  const auto path = folder.file();
  EXPECT_NE(refusal_of(path, Purpose::kRead).find(path), std::string::npos);
  EXPECT_NE(refusal_of(path, Purpose::kChange).find("unable to open"), std::string::npos);
  const std::string text =
      "this is a text and no database, and long enough to be looked at: " + std::string(4000, 'x');
  std::ofstream(path) << text;
  for (const auto purpose : {Purpose::kKeep, Purpose::kRead, Purpose::kChange})
    EXPECT_NE(refusal_of(path, purpose).find("not a database"), std::string::npos);
  std::ifstream in(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
  const auto other = folder.file("other.db");
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(other.c_str(), &database), SQLITE_OK);
  sqlite3_exec(database, "CREATE TABLE x (y)", nullptr, nullptr, nullptr);
  sqlite3_close(database);
  for (const auto purpose : {Purpose::kKeep, Purpose::kRead})
    EXPECT_NE(refusal_of(other, purpose).find("belongs to another program"), std::string::npos);
}

// Cut off or overwritten anywhere: an error or fewer entries, and no end but by an exception.
TEST(LearnedFile, ADamagedFileIsAnError) {
  const Folder folder;
  const auto path = folder.file();
  {
    LearnedFile file(path, Purpose::kKeep);
    for (int i = 0; i < 100; i++)
      file.write(put(example("192.0.2." + std::to_string(i) + "/32", 2000)), 1000, kMany, kMany);
  }
  std::ifstream in(path, std::ios::binary);
  const std::string sound(std::istreambuf_iterator<char>(in), {});
  std::mt19937 random(1);
  size_t refused = 0;
  for (int round = 0; round < 200; round++) {
    std::string damaged = sound;
    if (round % 2 == 0) damaged.resize(random() % sound.size());
    for (int i = 0; i < 200 && !damaged.empty(); i++)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    try {
      LearnedFile file(path, Purpose::kKeep);
      for (const auto& entry : file.entries(0)) EXPECT_LE(entry.evidence.size(), 16u);
      file.trusted(0);
      file.removals_to_do(0);
      file.write(put(example("198.51.100.1/32", 2000)), 1000, kMany, kMany);
    } catch (const std::runtime_error&) {
      refused++;
    }
  }
  EXPECT_GT(refused, 100u);
}

TEST(LearnedFile, AgreesWithItsTwin) {
  const Folder folder;
  std::mt19937 random(2);
  std::map<Prefix, int64_t> twin;
  LearnedFile file(folder.file(), Purpose::kKeep);
  for (int64_t now = 1000; now < 1300; now++) {
    LearnedChanges changes;
    for (int i = 0; i < 3; i++) {
      const auto text = "192.0.2." + std::to_string(random() % 50) + "/32";
      if (random() % 4 == 0) {
        changes.entries[prefix(text)] = std::nullopt;
        twin.erase(prefix(text));
      } else {
        const auto expires = now + 1 + static_cast<int64_t>(random() % 40);
        changes.entries[prefix(text)] = example(text, expires);
        twin[prefix(text)] = expires;
      }
    }
    file.write(changes, now, kMany, kMany);
    std::erase_if(twin, [&](const auto& one) { return one.second <= now; });
    const auto entries = file.entries(now);
    ASSERT_EQ(entries.size(), twin.size()) << now;
    auto wanted = twin.begin();
    for (const auto& entry : entries) {
      ASSERT_EQ(entry.prefix, wanted->first);
      ASSERT_EQ(entry.expires, wanted++->second);
    }
  }
}

}  // namespace
}  // namespace postern::learning::test
