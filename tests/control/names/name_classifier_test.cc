// SPDX-License-Identifier: BSD-3-Clause
//
// Tables after tables, what their results are taken for, and exceptions.
#include "control/names/name_classifier.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace postern::names {
namespace {

TableMatcher matcher(std::string_view text, const char* file) {
  return TableMatcher(PcreTable::parse(text, file));
}

NameClassifier classifier(std::string_view first, std::string_view second,
                          std::string_view exceptions) {
  std::vector<ClassifiedTable> tables;
  tables.push_back({.matcher = matcher(first, "first")});
  tables.push_back(
      {.matcher = matcher(second, "second"), .against = "generic", .marked = "static"});
  return NameClassifier(std::move(tables), matcher(exceptions, "exceptions"));
}

constexpr std::string_view kFirst =
    "/^[0-9.]+$/ DUNNO\n"
    "/^(dyn[0-9]+)\\./ REJECT $1\n"
    "/^vouched\\./ OK\n"
    "/^marked\\./ PREPEND X-Name: dynamic\n";
constexpr std::string_view kSecond =
    "/^1\\.2\\./ REJECT\n"
    "/^dyn|^vouched/ REJECT never asked\n"
    "/^ded\\./ PREPEND X-Name: static\n"
    "/generic/ 550 generic\n";

TEST(NameClassifier, TheFirstTableThatSaysSomethingDecides) {
  const auto names = classifier(kFirst, kSecond, "");
  NameClassifier::Scratch scratch(names);
  const auto check = [&](std::string_view name, std::string_view expected, const char* file,
                         uint32_t line) {
    const auto seen = names.classify(name, scratch);
    EXPECT_EQ(seen.name_class, expected) << name;
    EXPECT_EQ(seen.match.table == nullptr ? "" : seen.match.table->file, file) << name;
    EXPECT_EQ(seen.match.rule == nullptr ? 0 : seen.match.rule->line, line) << name;
  };
  check("dyn7.example", "dynamic", "first", 2);
  check("DYN7.example.", "dynamic", "first", 2);
  check("marked.example", "dynamic", "first", 4);
  check("vouched.example", "static", "first", 3);
  check("1.2.3.4", "generic", "second", 1);  // DUNNO ends one table, not all
  check("9.9.9.9", "unknown", "first", 1);
  check("ded.example", "static", "second", 3);
  check("a.generic.example", "generic", "second", 4);
  check("mail.example", "unknown", "", 0);
  check("", "unknown", "", 0);
  EXPECT_EQ(names.classify("dyn7.example", scratch).match.result, "REJECT dyn7");
}

TEST(NameClassifier, ExceptionsWin) {
  const auto names = classifier(kFirst, kSecond,
                                "/^dyn1\\./ DUNNO\n"
                                "/^dyn|vouched/ OK a customer\n");
  NameClassifier::Scratch scratch(names);
  const auto seen = names.classify("dyn2.example", scratch);
  EXPECT_EQ(seen.name_class, kStatic);
  EXPECT_EQ(seen.match.rule->line, 2u);
  ASSERT_NE(seen.exception.table, nullptr);
  EXPECT_EQ(seen.exception.table->file, "exceptions");
  EXPECT_EQ(seen.exception.rule->line, 2u);
  // DUNNO is none; and they are only asked about what a table named.
  EXPECT_EQ(names.classify("dyn1.example", scratch).name_class, kDynamic);
  EXPECT_EQ(names.classify("vouched.example", scratch).exception.table, nullptr);
  EXPECT_EQ(names.classify("dynamo.example", scratch).name_class, kStatic);
}

TEST(NameClassifier, BuiltInExceptions) {
  const auto names =
      classifier("/[0-9]+[.-][0-9]+/ REJECT", "", NameClassifier::built_in_exceptions());
  NameClassifier::Scratch scratch(names);
  for (const char* name :
       {"static-1-2-3-4.isp.example", "1-2-3-4.static.isp.example", "1-2-3-4.STATIC12.isp.example",
        "mail.1-2.example", "mx3.net-1-2.example", "66-220-155-151.mail-mail.facebook.com",
        "o167-89-97-77.outbound-mail.sendgrid.net", "smtp-out.1.2.example", "fixip-1-2.example"})
    EXPECT_EQ(names.classify(name, scratch).name_class, kStatic) << name;
  // Mexico; words inside words; a word that only the domain's end has.
  for (const char* name :
       {"dsl-200-95-109-107.prod-infinitum.com.mx", "1-2.hotmail.example", "1-2.mxlink.example",
        "1-2-ecstatic.example", "1.2.example.mail", "affixed1-2.example"})
    EXPECT_EQ(names.classify(name, scratch).name_class, kDynamic) << name;
}

TEST(NameClassifier, LongNamesAreUnknown) {
  const auto names = classifier("/./ REJECT", "", "");
  NameClassifier::Scratch scratch(names);
  EXPECT_EQ(names.classify(std::string(NameClassifier::kMaxName, 'a'), scratch).name_class,
            kDynamic);
  const auto seen = names.classify(std::string(NameClassifier::kMaxName + 1, 'a'), scratch);
  EXPECT_EQ(seen.name_class, kUnknown);
  EXPECT_TRUE(seen.too_long);
}

TEST(NameClassifier, ClassNames) {
  for (const char* name : {"dynamic", "x", "dial-up2", "A"}) EXPECT_TRUE(is_class_name(name));
  for (const char* name : {"", "2x", "-x", "a b", "a_b", "abcdefghijklmnopqrstuvwxyzabcdefg"})
    EXPECT_FALSE(is_class_name(name)) << name;
}

}  // namespace
}  // namespace postern::names
