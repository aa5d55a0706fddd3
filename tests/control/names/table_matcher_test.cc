// SPDX-License-Identifier: BSD-3-Clause
//
// All patterns at once against each by itself (postfix_twin.h), on names that were drawn from the
// patterns, nearly match them, are real, or are no names at all; with tables that use all that a
// table may have, with random ones, and with the published ones where POSTERN_DATA has them.
#include "control/names/table_matcher.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/control/names/postfix_twin.h"
#include "tests/support/sample_names.h"

namespace postern::names {
namespace {

using tests::SampleNames;

std::vector<std::string> sample_names(const PcreTable& table, size_t from_each, size_t others,
                                      unsigned seed) {
  SampleNames draw(seed);
  std::vector<std::string> names = {"", ".", "1.2.3.4", "2001:db8::1", "localhost", "a\nb", "ab\n"};
  const auto draw_from = [&](const PcrePattern& pattern) {
    for (size_t i = 0; i < from_each; i++) {
      names.push_back(draw.from_pattern(pattern.expression));
      names.push_back(draw.changed(names.back()));
    }
  };
  for (const auto& condition : table.conditions) draw_from(condition.pattern);
  for (const auto& rule : table.rules) draw_from(rule.pattern);
  for (size_t i = 0; i < others; i++) {
    names.push_back(draw.server());
    names.push_back(draw.line());
    names.push_back(draw.octets());
  }
  return names;
}

// How many of the names matched, and by how many different rules.
struct Agreement {
  size_t matched = 0;
  std::set<uint32_t> rules = {};
};

Agreement expect_agreement(const TableMatcher& matcher, const std::vector<std::string>& names) {
  Agreement agreement;
  PostfixTwin twin(matcher.table());
  TableMatcher::Scratch scratch(matcher);
  for (const auto& name : names) {
    const auto expected = twin.first(name);
    const auto seen = matcher.first(name, scratch);
    if (seen != expected) {
      const auto text = [&](std::optional<uint32_t> rule) {
        return rule ? std::to_string(matcher.table().rules[*rule].line) + ": " +
                          matcher.table().rules[*rule].pattern.text()
                    : std::string("nothing");
      };
      ADD_FAILURE() << testing::PrintToString(name) << "\n  expected " << text(expected)
                    << "\n  seen     " << text(seen);
      break;
    }
    if (!seen) continue;
    agreement.matched++;
    agreement.rules.insert(*seen);
  }
  return agreement;
}

constexpr std::string_view kEverything = R"(# all that a table may have
/^never$/                    REJECT not this one
/^dunno\./                   DUNNO
if /[0-9]/
/^([a-z]+)([0-9]+)\./        REJECT $2 of $(1)
if !/static/
!/\.example$/                REJECT elsewhere
/^dyn-[0-9]+\.example$/i     REJECT upper or lower? lower
if /(\w)\1/
/^(?!mail).*[0-9]$/          REJECT no mail
/aa|bb(?=c)/                 550 twice
endif
/end$/E                      REJECT at the very end
/^(?>a+)b/                   REJECT at once
endif
endif
|^/with/slashes|             REJECT slashes
/first.second/               REJECT any octet between
/first.second/s              REJECT not a line end
/^line$/m                    REJECT a line
/ e x t # remark /x          REJECT extended
/anchored|also/A             REJECT anchored
/^a.*?b/U                    REJECT as far as it goes
/(*UTF)^\x{e9}$/             REJECT of UTF-8
!/./                         REJECT nothing at all
/(z+)y{3}!/                  REJECT three
)";

TEST(TableMatcher, AgreesWithEachPatternByItself) {
  const TableMatcher matcher(PcreTable::parse(kEverything, "everything"));
  auto names = sample_names(matcher.table(), 500, 5000, 1);
  for (const char* name :
       {"dunno.1",       "mail1.example", "aa11",     "bbc1",       "mail aa1",
        "xend1end",      "xend1end\n",    "aaab1",    "static11aa", "/with/slashes",
        "first\nsecond", "a\nline\nb",    "line",     "ext",        "EXT",
        "not anchored",  "also",          "\xc3\xa9", "\xe9",       "dyn-1.example",
        "DYN-1.example"})
    names.emplace_back(name);
  const auto agreement = expect_agreement(matcher, names);
  EXPECT_GT(agreement.matched, 1000u);
  EXPECT_GT(agreement.rules.size(), 12u);
}

// Hyperscan is given the flag as an option and a line end behind the pattern, which is right only
// where nothing within takes the option back.
TEST(TableMatcher, TheFlagXWithOptionsInsideIsLeftToPcre2) {
  const TableMatcher matcher(
      PcreTable::parse("/^a(?-x)b/x REJECT one\n"
                       "/\\Qcd/x REJECT two\n"
                       "/(?xx)[e f]g/ REJECT three\n",
                       "x"));
  EXPECT_EQ(matcher.fallbacks().size(), 3u);
  const auto agreement = expect_agreement(matcher, {"ab", "a b", "cd", "c d", " g", "eg", "xyz"});
  EXPECT_EQ(agreement.rules.size(), 3u);
}

TEST(TableMatcher, TellsItsFallbacks) {
  const TableMatcher matcher(PcreTable::parse(kEverything, "everything"));
  std::set<uint32_t> lines;
  size_t prefiltered = 0;
  for (const auto& fallback : matcher.fallbacks()) {
    EXPECT_FALSE(fallback.reason.empty());
    EXPECT_FALSE(fallback.pattern.empty());
    lines.insert(fallback.line);
    prefiltered += fallback.prefiltered;
  }
  // \1, (?!, (?=, the flag E, (?>, (*UTF).
  EXPECT_EQ(lines, (std::set<uint32_t>{9, 10, 11, 13, 14, 24}));
  EXPECT_GE(prefiltered, 3u);
  EXPECT_EQ(matcher.size(), 22u);
}

TEST(TableMatcher, GivesResultsWithTheirGroups) {
  const TableMatcher matcher(
      PcreTable::parse("/^([a-z]+)-(x)?([0-9]+)/ REJECT ${3} $1 $2. $$1\n"
                       "/(?<=b)c/ OK\n",
                       "t"));
  TableMatcher::Scratch scratch(matcher);
  ASSERT_EQ(matcher.first("Pool-77.example", scratch), 0u);
  EXPECT_EQ(matcher.result(0, "Pool-77.example"), "REJECT 77 Pool . $1");
  ASSERT_EQ(matcher.first("abc", scratch), 1u);
  EXPECT_EQ(matcher.result(1, "abc"), "OK");
}

// A fault is not a match, nor is its negation one; and it is counted.
TEST(TableMatcher, APatternThatCannotBeTriedHoldsNeitherWay) {
  for (const char* text :
       {"/^(a+)+(?=[bc])/ OK\n", "!/^(a+)+(?=[bc])/ OK\n", "if !/^(a+)+(?=[bc])/\n/a/ OK\nendif"}) {
    const TableMatcher matcher(PcreTable::parse(text, "t"));
    TableMatcher::Scratch scratch(matcher);
    EXPECT_EQ(matcher.first(std::string(200, 'a'), scratch), std::nullopt) << text;
    EXPECT_EQ(scratch.faults(), 1u) << text;
    const bool is_negated = std::string_view(text).find('!') != std::string_view::npos;
    EXPECT_EQ(matcher.first("aab", scratch).has_value(), !is_negated) << text;
  }
}

TEST(TableMatcher, AnEmptyTableMatchesNothing) {
  const TableMatcher matcher(PcreTable::parse("# nothing\n", "t"));
  TableMatcher::Scratch scratch(matcher);
  EXPECT_EQ(matcher.first("a", scratch), std::nullopt);
  EXPECT_EQ(matcher.first("", scratch), std::nullopt);
}

// Tables of random patterns over few letters, with every kind of nesting and flag.
std::string random_table(SampleNames& draw) {
  constexpr std::string_view kAtoms[] = {
      "a",     "b",     ".",   "[ab]",   "[^a]",    "^",   "$",   "\\1",  "(a|b)", "a*",   "b+?",
      "(?=a)", "(?!b)", "\\b", "c{1,2}", "(?:bc)?", "\\d", "\\s", "\\Aa", "b\\Z",  "a\\z", "(?i)B"};
  std::string text;
  size_t open = 0;
  for (size_t lines = 1 + draw.below(25); lines > 0; lines--) {
    if (open > 0 && draw.chance(4)) {
      text += "endif\n";
      open--;
      continue;
    }
    std::string pattern(draw.chance(4) ? "!/" : "/");
    if (draw.chance(2)) pattern += "(x|a)?";
    for (size_t atoms = 1 + draw.below(4); atoms > 0; atoms--)
      pattern += kAtoms[draw.below(std::size(kAtoms))];
    pattern += '/';
    for (const char flag : std::string_view("imsxAEU"))
      if (draw.chance(9)) pattern += flag;
    const bool is_if = draw.chance(4);
    text += (is_if ? "if " : "") + pattern + (is_if ? "\n" : " REJECT\n");
    open += is_if;
  }
  while (open-- > 0) text += "endif\n";
  return text;
}

TEST(TableMatcher, AgreesOnRandomTables) {
  SampleNames draw(7);
  size_t tables = 0, matched = 0, fallbacks = 0;
  while (tables < 400) {
    const auto text = random_table(draw);
    PcreTable table;
    try {
      table = PcreTable::parse(text, "random");
    } catch (const BadInput&) {
      continue;  // \1 without its group
    }
    tables++;
    const TableMatcher matcher(std::move(table));
    fallbacks += matcher.fallbacks().size();
    std::vector<std::string> names = {""};
    for (int i = 0; i < 300; i++) {
      std::string name;
      for (size_t length = draw.below(9); length > 0; length--) name += "aAbBc1 \n"[draw.below(8)];
      names.push_back(std::move(name));
    }
    matched += expect_agreement(matcher, names).matched;
    ASSERT_FALSE(HasFailure()) << text;
  }
  EXPECT_GT(matched, 10000u);
  EXPECT_GT(fallbacks, 300u);
}

TEST(TableMatcher, IsSharedByThreads) {
  const TableMatcher matcher(PcreTable::parse(kEverything, "everything"));
  const auto names = sample_names(matcher.table(), 20, 200, 3);
  std::vector<std::optional<uint32_t>> expected;
  PostfixTwin twin(matcher.table());
  for (const auto& name : names) expected.push_back(twin.first(name));
  std::vector<std::thread> threads;
  std::vector<size_t> wrong(3);
  for (auto& errors : wrong)
    threads.emplace_back([&] {
      TableMatcher::Scratch scratch(matcher);
      for (size_t i = 0; i < names.size(); i++)
        errors += matcher.first(names[i], scratch) != expected[i];
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, (std::vector<size_t>(3)));
}

// Names in the comments of SpamAssassin's rules: "# adsl-1-2.example [192.0.2.1]".
std::vector<std::string> names_in(const std::filesystem::path& file) {
  std::vector<std::string> names;
  std::ifstream in(file);
  const std::regex form("^# ([A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+){2,})( *\\[.*)?$");
  std::smatch found;
  for (std::string line; std::getline(in, line);)
    if (std::regex_match(line, found, form)) names.push_back(found[1]);
  return names;
}

class PublishedTable : public testing::TestWithParam<const char*> {};

TEST_P(PublishedTable, AgreesWithEachPatternByItself) {
  const char* data = std::getenv("POSTERN_DATA");
  if (data == nullptr) GTEST_SKIP() << "POSTERN_DATA is not set";
  const auto folder = std::filesystem::path(data) / "rdns";
  const TableMatcher matcher(PcreTable::load(folder / GetParam()));
  EXPECT_TRUE(matcher.table().warnings.empty());
  EXPECT_EQ(matcher.fallbacks().size(), 0u);
  auto names = sample_names(matcher.table(), matcher.size() > 1000 ? 4 : 60, 3000, 5);
  const auto real = names_in(folder / "spamassassin-20_dynrdns.cf");
  EXPECT_GT(real.size(), 50u);
  names.insert(names.end(), real.begin(), real.end());
  const auto agreement = expect_agreement(matcher, names);
  EXPECT_GT(agreement.matched, matcher.table().rules.size());
  // Nearly every rule was met; some are hidden by earlier ones or by their conditions.
  EXPECT_GT(agreement.rules.size(), matcher.table().rules.size() * 8 / 10);
}

INSTANTIATE_TEST_SUITE_P(, PublishedTable,
                         testing::Values("fqrdns.pcre.xz", "fqrdns-plus.pcre", "fqrdns-max.pcre"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::erase_if(name, [](char c) { return c == '.' || c == '-'; });
                           return name;
                         });

}  // namespace
}  // namespace postern::names
