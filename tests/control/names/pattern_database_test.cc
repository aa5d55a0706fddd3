// SPDX-License-Identifier: BSD-3-Clause
//
// What Hyperscan takes and what not, and databases that come from a cache: the same answers, and
// never from a file that is not whole.
#include "control/names/pattern_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace postern::names {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

class CachedDatabase : public testing::Test {
 protected:
  ~CachedDatabase() override { fs::remove_all(folder_); }

  // The only file in the cache.
  fs::path file() const {
    const std::vector<fs::path> all(fs::directory_iterator(cached_), fs::directory_iterator{});
    EXPECT_EQ(all.size(), 1u);
    return all.at(0);
  }
  static std::string read(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static std::vector<uint32_t> found(const PatternDatabase& database, std::string_view text) {
    PatternDatabase::Scratch scratch(database);
    const auto all = database.search(text, scratch);
    return {all.begin(), all.end()};
  }

  static fs::path new_folder() {
    std::string name = fs::temp_directory_path() / "postern-names-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    return name;
  }

  fs::path folder_ = new_folder();
  fs::path cached_ = folder_ / "below" / "names";
  DatabaseCache cache_{cached_};
  const std::vector<PcrePattern> patterns_ = {
      {"^pool[0-9]+\\."}, {"(a)\\1"}, {"(*UTF)x"}, {"dyn", {.caseless = false}}};
};

TEST_F(CachedDatabase, KnowsWhatHyperscanCannotTake) {
  const PatternDatabase database(patterns_, nullptr);
  using Mode = PatternDatabase::Mode;
  EXPECT_EQ(database.mode(0), Mode::kExact);
  EXPECT_EQ(database.mode(1), Mode::kPrefilter);
  EXPECT_EQ(database.mode(2), Mode::kUnfiltered);
  EXPECT_EQ(database.mode(3), Mode::kExact);
  ASSERT_EQ(database.fallbacks().size(), 2u);
  EXPECT_EQ(database.fallbacks()[0].pattern, 1u);
  EXPECT_THAT(database.fallbacks()[0].reason, HasSubstr("reference"));
  EXPECT_THAT(found(database, "pool1.dyn.aa"), ElementsAre(0u, 1u, 3u));
  EXPECT_THAT(found(database, "POOL1.DYN.x"), ElementsAre(0u));
}

// Too large for Hyperscan, which says so only when it compiles.
TEST_F(CachedDatabase, LeavesOutWhatIsTooLarge) {
  const std::vector<PcrePattern> patterns = {{"a"}, {"(.{1,100}b){300}c"}, {"b"}};
  const PatternDatabase database(patterns, nullptr);
  ASSERT_EQ(database.fallbacks().size(), 1u);
  EXPECT_EQ(database.fallbacks()[0].pattern, 1u);
  EXPECT_NE(database.fallbacks()[0].reason, "");
  EXPECT_THAT(found(database, "ab"), ElementsAre(0u, 2u));
}

TEST_F(CachedDatabase, ComesFromTheCacheTheSecondTime) {
  const PatternDatabase first(patterns_, &cache_);
  EXPECT_EQ(first.origin(), PatternDatabase::Origin::kCompiled);
  EXPECT_EQ(first.cache_complaint(), "");
  const PatternDatabase second(patterns_, &cache_);
  EXPECT_EQ(second.origin(), PatternDatabase::Origin::kCache);
  ASSERT_EQ(second.fallbacks().size(), 2u);
  for (size_t i = 0; i < 2; i++) {
    EXPECT_EQ(second.fallbacks()[i].pattern, first.fallbacks()[i].pattern);
    EXPECT_EQ(second.fallbacks()[i].mode, first.fallbacks()[i].mode);
    EXPECT_EQ(second.fallbacks()[i].reason, first.fallbacks()[i].reason);
  }
  EXPECT_THAT(found(second, "pool1.dyn.aa"), ElementsAre(0u, 1u, 3u));
}

TEST_F(CachedDatabase, OtherPatternsAreAnotherFile) {
  const PatternDatabase first(patterns_, &cache_);
  auto others = patterns_;
  others[3].flags.caseless = true;
  EXPECT_EQ(PatternDatabase(others, &cache_).origin(), PatternDatabase::Origin::kCompiled);
  others.pop_back();
  EXPECT_EQ(PatternDatabase(others, &cache_).origin(), PatternDatabase::Origin::kCompiled);
  EXPECT_EQ(std::distance(fs::directory_iterator(cached_), fs::directory_iterator()), 3);
  EXPECT_EQ(PatternDatabase(patterns_, &cache_).origin(), PatternDatabase::Origin::kCache);
}

// Every octet of the file's head and every 97th behind it, changed; and every way to cut it.
TEST_F(CachedDatabase, ADamagedFileIsCompiledAnewAndReplaced) {
  const PatternDatabase first(patterns_, &cache_);
  const auto path = file();
  const auto whole = read(path);
  size_t tried = 0;
  for (size_t place = 0; place < whole.size(); place += place < 100 ? 1 : 97) {
    auto damaged = whole;
    damaged[place] = static_cast<char>(damaged[place] ^ (1 << place % 8));
    write(path, damaged);
    DatabaseCache cache(cached_);
    const PatternDatabase database(patterns_, &cache);
    ASSERT_EQ(database.origin(), PatternDatabase::Origin::kCompiled) << place;
    ASSERT_THAT(database.cache_complaint(), HasSubstr(path.string())) << place;
    ASSERT_EQ(read(path), whole) << "it was not replaced";
    tried++;
  }
  EXPECT_GT(tried, 100u);
  for (const size_t length :
       {size_t{0}, size_t{7}, size_t{79}, size_t{80}, whole.size() / 2, whole.size() - 1}) {
    write(path, whole.substr(0, length));
    EXPECT_EQ(PatternDatabase(patterns_, &cache_).origin(), PatternDatabase::Origin::kCompiled);
    EXPECT_EQ(read(path), whole);
  }
  write(path, whole + "x");
  EXPECT_EQ(PatternDatabase(patterns_, &cache_).origin(), PatternDatabase::Origin::kCompiled);
}

// Whole, but of something else: another set's file under this one's name, and one whose content was
// never Hyperscan's.
TEST_F(CachedDatabase, AWholeFileOfSomethingElseIsNotTaken) {
  const PatternDatabase first(patterns_, &cache_);
  const auto path = file();
  const std::vector<PcrePattern> others = {{"a"}, {"b"}, {"c"}, {"d"}};
  fs::remove(path);
  const PatternDatabase second(others, &cache_);
  fs::rename(file(), path);
  EXPECT_EQ(PatternDatabase(patterns_, &cache_).origin(), PatternDatabase::Origin::kCompiled);

  Digest key;
  const auto name = path.stem().string();
  for (size_t i = 0; i < key.size(); i++)
    key[i] = static_cast<uint8_t>(std::stoi(name.substr(2 * i, 2), nullptr, 16));
  ASSERT_EQ(cache_.path_of(key), path.string());
  for (const auto& content : {std::string(), std::string("\0\0\0\4\0\0\0\0nothing", 15),
                              std::string("\0\0\0\4\xff\xff\xff\xff", 8)}) {
    ASSERT_TRUE(cache_.store(key, content));
    const PatternDatabase database(patterns_, &cache_);
    EXPECT_EQ(database.origin(), PatternDatabase::Origin::kCompiled);
    EXPECT_THAT(database.cache_complaint(), HasSubstr("Hyperscan"));
  }
  EXPECT_EQ(PatternDatabase(patterns_, &cache_).origin(), PatternDatabase::Origin::kCache);
}

TEST_F(CachedDatabase, AFileThatOthersMayWriteIsNotTrusted) {
  const PatternDatabase first(patterns_, &cache_);
  ASSERT_EQ(::chmod(file().c_str(), 0666), 0);
  const PatternDatabase second(patterns_, &cache_);
  EXPECT_EQ(second.origin(), PatternDatabase::Origin::kCompiled);
  EXPECT_THAT(second.cache_complaint(), HasSubstr("writable by others"));
}

TEST_F(CachedDatabase, AFolderThatCannotBeIsNoError) {
  write(folder_ / "file", "");
  DatabaseCache cache(folder_ / "file" / "below");
  const PatternDatabase database(patterns_, &cache);
  EXPECT_EQ(database.origin(), PatternDatabase::Origin::kCompiled);
  EXPECT_NE(database.cache_complaint(), "");
  EXPECT_THAT(found(database, "pool1.dyn.aa"), ElementsAre(0u, 1u, 3u));
}

}  // namespace
}  // namespace postern::names
