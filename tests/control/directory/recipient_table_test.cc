// SPDX-License-Identifier: BSD-3-Clause
//
// The recipient file: what its lines mean, against a twin that keeps them in a map; a million of
// them; and what is said about those that are wrong.
#include "control/directory/recipient_table.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>

#include "rules/text/diagnostic.h"

namespace postern::directory {
namespace {

const AddressRules kRules;

std::string primary(const RecipientTable& table, std::string_view text) {
  const auto address = MailAddress::parse(text, table.rules());
  const auto found = address ? table.find(*address) : std::nullopt;
  return found ? found->primary + ":" + std::to_string(found->line) : "-";
}

std::string complaint(std::string_view text) {
  try {
    RecipientTable::parse(text, "recipients", kRules);
  } catch (const BadInput& error) {
    EXPECT_EQ(error.diagnostics().size(), 1u);
    return error.diagnostics().front().to_string();
  }
  return "";
}

TEST(RecipientTable, AddressesDomainsAndAliases) {
  const auto table = RecipientTable::parse(
      "# who receives mail here\n"
      "user@example.org\n"
      "  Other@Example.org   # a comment\r\n"
      "\n"
      "postmaster@example.org user@example.org\n"
      "\"a b\"@example.org\tOTHER@EXAMPLE.ORG # spoken with blanks\n"
      "@example.net\n"
      "@catch.example user@example.org\n"
      "named@catch.example\n"
      "@old.example @example.org\n"
      "away@example.org someone@elsewhere.example\n"
      "chain@example.org postmaster@old.example\n"
      "a#b@example.org",
      "recipients", kRules);
  EXPECT_EQ(table->size(), 11u);
  EXPECT_EQ(primary(*table, "USER@example.ORG"), "user@example.org:2");
  EXPECT_EQ(primary(*table, "other@example.org"), "other@example.org:3");
  EXPECT_EQ(primary(*table, "postmaster@example.org"), "user@example.org:5");
  EXPECT_EQ(primary(*table, "\"A B\"@example.org"), "other@example.org:6");
  EXPECT_EQ(primary(*table, "anybody@example.net"), "anybody@example.net:7");
  EXPECT_EQ(primary(*table, "any+body@example.net"), "any+body@example.net:7");
  EXPECT_EQ(primary(*table, "anybody@catch.example"), "user@example.org:8");
  EXPECT_EQ(primary(*table, "named@catch.example"), "named@catch.example:9");
  EXPECT_EQ(primary(*table, "user@old.example"), "user@example.org:10");
  EXPECT_EQ(primary(*table, "user+shop@old.example"), "user@example.org:10");
  EXPECT_EQ(primary(*table, "nobody@old.example"), "-");
  EXPECT_EQ(primary(*table, "away@example.org"), "someone@elsewhere.example:11");
  EXPECT_EQ(primary(*table, "chain@example.org"), "user@example.org:12");
  EXPECT_EQ(primary(*table, "a#b@example.org"), "a#b@example.org:13");
  for (const char* unknown : {"nobody@example.org", "user@sub.example.org", "user@example.com",
                              "user@sub.example.net", "use@example.org", "users@example.org"})
    EXPECT_EQ(primary(*table, unknown), "-") << unknown;
}

TEST(RecipientTable, TheAddressWithItsExtensionComesFirst) {
  const auto table = RecipientTable::parse(
      "user@example.org\nuser+shop@example.org shop@example.org\nshop@example.org\n", "recipients",
      kRules);
  EXPECT_EQ(primary(*table, "user+shop@example.org"), "shop@example.org:2");
  EXPECT_EQ(primary(*table, "user+other@example.org"), "user@example.org:1");
  EXPECT_EQ(primary(*table, "user+@example.org"), "user@example.org:1");
  const auto without =
      RecipientTable::parse("user@example.org\n", "recipients", AddressRules{.extensions = ""});
  EXPECT_EQ(primary(*without, "user+other@example.org"), "-");
}

TEST(RecipientTable, EqualNamesAreOneEntry) {
  const auto table = RecipientTable::parse(
      "user@b\xc3\xbc"
      "cher.example\nUSER@xn--bcher-kva.example\n@b\xc3\x9c"
      "cher.example\n",
      "recipients", kRules);
  EXPECT_EQ(table->size(), 2u);
  EXPECT_EQ(primary(*table,
                    "user@B\xc3\x9c"
                    "CHER.example"),
            "user@xn--bcher-kva.example:1");
}

TEST(RecipientTable, AnEmptyFileKnowsNobody) {
  for (const char* text : {"", "\n\n", "# nobody\n"}) {
    const auto table = RecipientTable::parse(text, "recipients", kRules);
    EXPECT_EQ(table->size(), 0u);
    EXPECT_EQ(primary(*table, "user@example.org"), "-");
  }
}

TEST(RecipientTable, WhatIsWrongIsToldWithItsPlace) {
  EXPECT_TRUE(complaint("a@x.example\n  nonsense\n")
                  .starts_with(
                      "recipients:2:3: the recipient is to be an address, user@domain, or @domain"))
      << complaint("a@x.example\n  nonsense\n");
  EXPECT_TRUE(complaint("a@x.example b\n").starts_with("recipients:1:13: the target is to be"));
  EXPECT_TRUE(complaint("a@x.example b@x.example c\n")
                  .starts_with("recipients:1:25: a recipient and its target, and nothing else"));
  EXPECT_TRUE(complaint("@-x\n").starts_with("recipients:1:1: the recipient is no domain name"));
  EXPECT_TRUE(complaint("a@x.example @y.example\n")
                  .starts_with("recipients:1:13: an address cannot be an alias of a whole domain"));
  EXPECT_TRUE(complaint("a@x.example\na@x.example b@x.example\n")
                  .starts_with("recipients:2:1: stands on line 1 already"));
  EXPECT_EQ(complaint("a@x.example b@x.example\nA@X.example B@X.example\n"), "");
  EXPECT_TRUE(complaint(std::string_view("a\0b@x.example\n", 14)).starts_with("recipients:1:1:"));
  EXPECT_TRUE(complaint("\"open@x.example\n").starts_with("recipients:1:1:"));
}

TEST(RecipientTable, CirclesOfAliasesAreRefused) {
  for (const char* circle : {
           "a@x.example a@x.example\n",
           "a@x.example b@x.example\nb@x.example a@x.example\n",
           "@x.example @x.example\n",
           "@x.example @y.example\n@y.example @x.example\n",
           "@x.example a@x.example\n",
           "@x.example @y.example\na@y.example a@x.example\n",
           "a@x.example a+b@x.example\n",
       })
    EXPECT_NE(complaint(circle).find("circle"), std::string::npos) << circle;
  EXPECT_EQ(complaint("@x.example a@x.example\na@x.example\n"), "");
  EXPECT_TRUE(complaint("\nb@x.example c@x.example\nc@x.example b@x.example\n")
                  .starts_with("recipients:2:13: this alias"));
  std::string chain;
  for (int i = 0; i < 40; i++)
    chain += "a" + std::to_string(i) + "@x.example a" + std::to_string(i + 1) + "@x.example\n";
  EXPECT_NE(complaint(chain).find("more than 16"), std::string::npos);
}

// The twin: every line in a map, looked up by hand.
class Twin {
 public:
  void add(const std::string& name, const std::string& target) { lines_.emplace(name, target); }

  std::string find(const std::string& local, const std::string& domain, int depth = 0) const {
    const std::string all = local + "@" + domain;
    const std::string base = local.substr(0, local.find('+', 1)) + "@" + domain;
    for (const auto& name : {all, base, "@" + domain}) {
      const auto line = lines_.find(name);
      if (line == lines_.end()) continue;
      if (line->second.empty()) return name[0] == '@' ? all : name;
      const size_t at = line->second.find('@');
      const std::string to = line->second.substr(at + 1);
      const bool domain_alias = at == 0;
      const auto next = find(domain_alias ? local : line->second.substr(0, at), to, depth + 1);
      if (next != "-") return next;
      if (!domain_alias) return line->second;
      for (const auto& [other, ignored] : lines_)
        if (other.substr(other.find('@') + 1) == to) return "-";
      return local + "@" + to;
    }
    return "-";
  }

 private:
  std::map<std::string, std::string> lines_;
};

TEST(RecipientTable, AgreesWithItsTwin) {
  std::mt19937 random(5);
  const auto below = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
  const auto local = [&] {
    std::string text = std::string(1, static_cast<char>('a' + below(4)));
    if (below(3) == 0) text += "+" + std::string(1, static_cast<char>('x' + below(2)));
    return text;
  };
  const auto domain = [&] {
    return std::string(1, static_cast<char>('p' + below(5))) + ".example";
  };
  size_t sound = 0, known = 0, unknown = 0;
  for (int round = 0; round < 4000; round++) {
    std::string text;
    Twin twin;
    std::map<std::string, std::string> taken;
    for (unsigned i = 0; i < 1 + below(8); i++) {
      const bool whole = below(4) == 0;
      const std::string name = (whole ? "" : local()) + "@" + domain();
      std::string target;
      if (below(2) == 0) target = (whole && below(2) == 0 ? "" : local()) + "@" + domain();
      if (!taken.emplace(name, target).second) continue;
      twin.add(name, target);
      text += name + " " + target + "\n";
    }
    std::shared_ptr<const RecipientTable> table;
    try {
      table = RecipientTable::parse(text, "recipients", kRules);
    } catch (const BadInput&) {
      continue;  // a circle
    }
    sound++;
    for (int i = 0; i < 20; i++) {
      const std::string asked_local = local(), asked_domain = domain();
      const auto found = table->find({asked_local, asked_domain});
      const std::string expected = twin.find(asked_local, asked_domain);
      ASSERT_EQ(found ? found->primary : "-", expected)
          << asked_local << "@" << asked_domain << " in\n"
          << text;
      (found ? known : unknown)++;
    }
  }
  EXPECT_GT(sound, 2000u);
  EXPECT_GT(known, 5000u);
  EXPECT_GT(unknown, 5000u);
}

TEST(RecipientTable, AMillionAddressesInCompactMemory) {
  std::string text;
  for (int i = 0; i < 1'000'000; i++)
    text += "user" + std::to_string(i) + "@d" + std::to_string(i % 1000) + ".example\n";
  const auto table = RecipientTable::parse(text, "recipients", kRules);
  EXPECT_EQ(table->size(), 1'000'000u);
  EXPECT_LT(table->memory(), 40'000'000u);
  for (int i = 0; i < 1'000'000; i += 997) {
    const std::string local = "user" + std::to_string(i);
    EXPECT_TRUE(table->find({local, "d" + std::to_string(i % 1000) + ".example"}));
    EXPECT_FALSE(table->find({local, "d" + std::to_string((i + 1) % 1000) + ".example"}));
  }
}

}  // namespace
}  // namespace postern::directory
