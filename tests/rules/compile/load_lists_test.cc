// SPDX-License-Identifier: BSD-3-Clause
//
// Which lists are used, which are refused, and what takes the place of a refused one.
#include "rules/compile/load_lists.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/rules/lists/read_list.h"
#include "tests/rules/support/compiled.h"

namespace postern::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class LoadLists : public testing::Test {
 protected:
  std::vector<LoadedList> load(std::string_view policy, const CompileOptions& options = {}) {
    warnings_.clear();
    const auto parsed = read_policy(shop_.directory().write("site.policy", policy));
    return load_lists(parsed, options, now_, warnings_);
  }
  std::string complaint(std::string_view policy, const CompileOptions& options = {}) {
    return complaint_of([&] { load(policy, options); });
  }
  std::string path(std::string_view name) const { return shop_.directory().path(name); }
  void modified(const std::string& name, int64_t at) {
    const timespec times[2] = {{.tv_sec = at, .tv_nsec = 0}, {.tv_sec = at, .tv_nsec = 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  }

  Workshop shop_;
  std::vector<Diagnostic> warnings_;
  std::chrono::sys_seconds now_{std::chrono::seconds(1'000'000)};
};

TEST_F(LoadLists, ReadsFilesBesideThePolicy) {
  shop_.list("lists/a.txt", "192.0.2.1\nnonsense\n192.0.2.2\n");
  const auto lists = load("list a \"lists/a.txt\"\n");
  ASSERT_EQ(lists.size(), 1u);
  EXPECT_THAT(entries_of(lists[0].content), ElementsAre("192.0.2.1/32@1", "192.0.2.2/32@3"));
  EXPECT_EQ(lists[0].report.name, "a");
  EXPECT_EQ(lists[0].report.file, path("lists/a.txt"));
  EXPECT_EQ(lists[0].report.format, "cidr");
  EXPECT_EQ(lists[0].report.entries, 2u);
  EXPECT_EQ(lists[0].report.skipped, 1u);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_EQ(warnings_[0].to_string(),
            path("lists/a.txt") + ":2: \"nonsense\" is not an address or a prefix");
}

TEST_F(LoadLists, ReadsAbsolutePaths) {
  shop_.list("a.txt", "192.0.2.1\n");
  EXPECT_EQ(load("list a \"" + path("a.txt") + "\"\n")[0].report.entries, 1u);
}

TEST_F(LoadLists, RefusesABadLineWhenStrict) {
  shop_.list("a.txt", "192.0.2.1\nnonsense\n192.0.2.2\n");
  EXPECT_EQ(complaint("list a \"a.txt\"\n", {.strict = true}),
            path("a.txt") + ":2: \"nonsense\" is not an address or a prefix");
}

TEST_F(LoadLists, TellsOfManyBadLinesInFewWords) {
  std::string text = "192.0.2.1\n";
  for (int i = 0; i < 150; i++) text += "nonsense\n";
  shop_.list("a.txt", text);
  load("list a \"a.txt\" format cidr\n");
  ASSERT_EQ(warnings_.size(), 101u);
  EXPECT_EQ(warnings_.back().to_string(), path("a.txt") + ": 50 more bad lines are not shown");
}

TEST_F(LoadLists, RefusesFilesThatCannotBeMeant) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "is empty"},
      {"# nothing\n", "is empty"},
      {"<html><body>192.0.2.1</body></html>", "is HTML"},
      {"192.0.2.1\n0.0.0.0/0\n", "has 0.0.0.0/0 at line 2"},
      {"what, is, this\n", "is of no format that is known"},
      {"{\"cidr\":\"192.0.2.0/24\"}\n", "the metadata line that ends a DROP file is missing"}};
  for (const auto& [text, why] : kCases) {
    shop_.list("a.txt", text);
    EXPECT_THAT(complaint("list a \"a.txt\"\n"), StartsWith(path("a.txt") + ": " + why)) << text;
  }
  EXPECT_EQ(complaint("list a \"missing\"\n"),
            path("missing") + ": cannot be read: No such file or directory");
}

TEST_F(LoadLists, TellsOfEveryRefusedList) {
  shop_.list("a.txt", "");
  EXPECT_EQ(complaint("list a \"a.txt\"\nlist b \"missing\"\n"),
            path("a.txt") + ": is empty\n" + path("missing") +
                ": cannot be read: No such file or directory");
}

TEST_F(LoadLists, BelievesADeclaredFormat) {
  shop_.list("a.txt", "192.0.2.1\nexample.net\nexample.org\n");
  EXPECT_EQ(load("list a \"a.txt\"\n")[0].report.format, "domains");
  EXPECT_EQ(load("list a \"a.txt\" format cidr\n")[0].report.entries, 1u);
  EXPECT_THAT(complaint("list a \"a.txt\" format drop\n"), HasSubstr("metadata line"));
}

TEST_F(LoadLists, KeepsTheLastGoodOne) {
  constexpr const char* kPolicy = "list a \"a.txt\"\nlist d \"d.txt\"\n";
  shop_.list("a.txt", "192.0.2.1\n2001:db8::/32\n# x\n192.0.2.0/24\n");
  shop_.list("d.txt", "example.net\n\nexample.com\n");
  modified("a.txt", 500);
  const auto previous = shop_.snapshot(kPolicy);

  for (const char* bad : {"", "<html>", "0.0.0.0/0\n"}) {
    shop_.list("a.txt", bad);
    shop_.list("d.txt", bad);
    const auto lists = load(kPolicy, {.previous = previous.get()});
    EXPECT_TRUE(lists[0].report.kept_previous);
    EXPECT_EQ(lists[0].report.entries, 3u);
    EXPECT_EQ(lists[0].report.format, "cidr");
    EXPECT_EQ(lists[0].modified_at, 500);
    EXPECT_THAT(entries_of(lists[0].content),
                ElementsAre("192.0.2.0/24@4", "192.0.2.1/32@1", "2001:db8::/32@2"));
    EXPECT_THAT(entries_of(lists[1].content), ElementsAre("example.com@3", "example.net@1"));
    ASSERT_EQ(warnings_.size(), 2u);
    EXPECT_THAT(warnings_[0].to_string(), HasSubstr("(refused; the last good one stays)"));
    EXPECT_THAT(warnings_[0].to_string(), StartsWith(path("a.txt") + ": "));
  }
  std::filesystem::remove(path("a.txt"));
  EXPECT_TRUE(load(kPolicy, {.previous = previous.get()})[0].report.kept_previous);
}

TEST_F(LoadLists, KeepsTheLastGoodOneOverGenerations) {
  shop_.list("a.txt", "192.0.2.1\n192.0.2.2\n");
  auto snapshot = shop_.snapshot("list a \"a.txt\"\n");
  shop_.list("a.txt", "");
  for (int i = 0; i < 3; i++)
    snapshot = shop_.snapshot("list a \"a.txt\"\n", {.previous = snapshot.get()});
  EXPECT_TRUE(snapshot->lists()[0].kept_previous);
  EXPECT_EQ(snapshot->contents()[0].size(), 2u);
}

TEST_F(LoadLists, HasNothingToKeepOfAListThatIsNew) {
  shop_.list("a.txt", "192.0.2.1\n");
  const auto previous = shop_.snapshot("list a \"a.txt\"\n");
  EXPECT_NE(complaint("list b \"b.txt\"\n", {.previous = previous.get()}), "");
}

TEST_F(LoadLists, RefusesGreatChangeOnlyWhereAskedAndAgainstThePrevious) {
  shop_.list("a.txt", "192.0.2.1\n192.0.2.2\n192.0.2.3\n192.0.2.4\n");
  const auto previous = shop_.snapshot("list a \"a.txt\"\n");
  shop_.list("a.txt", "192.0.2.1\n");
  constexpr const char* kGuarded = "list a \"a.txt\" max-change 50%\n";
  EXPECT_EQ(load(kGuarded)[0].report.entries, 1u);
  EXPECT_EQ(load("list a \"a.txt\"\n", {.previous = previous.get()})[0].report.entries, 1u);
  const auto lists = load(kGuarded, {.previous = previous.get()});
  EXPECT_TRUE(lists[0].report.kept_previous);
  EXPECT_EQ(lists[0].content.size(), 4u);
  EXPECT_THAT(warnings_[0].to_string(), HasSubstr("shrank from 4 to 1 entries"));
  shop_.list("a.txt", "192.0.2.1\n192.0.2.2\n");
  EXPECT_FALSE(load(kGuarded, {.previous = previous.get()})[0].report.kept_previous);
}

TEST_F(LoadLists, LetsListsExpireByTheAgeOfTheFile) {
  shop_.list("a.txt", "192.0.2.1\n");
  modified("a.txt", 1'000'000 - 86'400);
  const auto fresh = load("list a \"a.txt\" expires 25h\n");
  EXPECT_FALSE(fresh[0].report.expired);
  EXPECT_EQ(fresh[0].expires_at, 1'000'000 + 3600);
  EXPECT_THAT(warnings_, IsEmpty());
  const auto old = load("list a \"a.txt\" expires 1d\n");
  EXPECT_TRUE(old[0].report.expired);
  ASSERT_EQ(warnings_.size(), 1u);
  EXPECT_THAT(warnings_[0].to_string(), HasSubstr("list \"a\" has expired and counts as empty"));
  EXPECT_EQ(load("list a \"a.txt\"\n")[0].expires_at, std::nullopt);
}

TEST_F(LoadLists, RefusesListsUsedAsWhatTheyAreNot) {
  shop_.list("a.txt", "192.0.2.1\n");
  shop_.list("d.txt", "example.net\n");
  EXPECT_EQ(
      complaint("list d \"d.txt\"\nservice mx 192.0.2.1\nconnection to mx\n drop list d\n"),
      path("site.policy") + ":4: list \"d\" has only domains, but this rule looks for addresses");
  EXPECT_EQ(
      complaint("list d \"d.txt\" category x\nmessage\n reject category x\n"),
      path("site.policy") + ":3: list \"d\" has only domains, but this rule looks for addresses");
  EXPECT_EQ(
      complaint("list a \"a.txt\"\nmessage\n accept domain in a\n"),
      path("site.policy") + ":3: list \"a\" has only addresses, but this rule looks for domains");
  EXPECT_EQ(complaint("list a \"a.txt\" category x\nlist d \"d.txt\" category x\n"
                      "service mx 192.0.2.1\nconnection to mx\n drop category x\n"
                      "message\n accept domain in x\n"),
            "");
}

}  // namespace
}  // namespace postern::test
