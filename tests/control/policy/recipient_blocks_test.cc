// SPDX-License-Identifier: BSD-3-Clause
//
// Which rules judge whom: role addresses, domains and those below them, lists, and the order of
// blocks, also against a slow twin that tries one block after the other.
#include "control/policy/recipient_blocks.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "control/policy/role_address.h"
#include "tests/rules/support/compiled.h"

namespace postern::policy {
namespace {

TEST(RoleAddress, IsPostmasterOrAbuseHoweverItIsWritten) {
  for (const char* recipient :
       {"postmaster@d.example", "PostMaster@D.example", "ABUSE@d.example", "postmaster",
        "Postmaster", "abuse+4711@d.example", "\"postmaster\"@d.example", "postmaster@[192.0.2.1]",
        "\"Abuse+x@y\"@d.example"})
    EXPECT_TRUE(is_role_address(recipient)) << recipient;
  for (const char* recipient :
       {"", "@", "abuse", "postmasters@d.example", "xpostmaster@d.example", "a@postmaster.example",
        "abuse.team@d.example", "+abuse@d.example", "\"@d.example", "no+postmaster@d.example",
        "postmaster@d.example@e.example", "post master@d.example"})
    EXPECT_FALSE(is_role_address(recipient)) << recipient;
}

class RecipientBlocksTest : public testing::Test {
 protected:
  RecipientBlocksTest() {
    workshop_.list("paying", "paying.example\nshared.example\n");
    workshop_.list("guests", "guest.example\nshared.example\n");
    workshop_.list("old", "old.example\n");
  }
  std::shared_ptr<const Snapshot> compiled(const std::string& blocks) {
    return workshop_.snapshot(
        "service mx 192.0.2.1\n"
        "list paying \"paying\" format domains category customers\n"
        "list guests \"guests\" format domains category customers\n"
        "list old \"old\" format domains expires 1h\n" +
        blocks);
  }
  test::Workshop workshop_;
};

TEST_F(RecipientBlocksTest, TheFirstThatTakesTheDomainOrOneAboveIt) {
  const auto snapshot = compiled(
      "message to \"sub.one.example\", \"two.example\"\n accept any\n"
      "message\n accept any\n"
      "message to \"one.example\", list paying\n accept any\n"
      "message to category customers\n accept any\n"
      "message to list old\n accept any\n"
      "message to \"xn--bcher-kva.example\"\n accept any\n");
  const RecipientBlocks blocks(*snapshot);
  const int64_t expires = snapshot->lists()[2].expires_at.value();
  const auto block_of = [&](const char* recipient, int64_t before = 1) {
    const auto block = blocks.block_of(recipient, expires - before);
    return block == RuleBlock::kRole      ? "role"
           : block == RuleBlock::kGeneral ? "general"
                                          : std::to_string(index_of(block));
  };
  EXPECT_EQ(block_of("a@sub.one.example"), "0");
  EXPECT_EQ(block_of("a@x.Sub.ONE.example"), "0");
  EXPECT_EQ(block_of("a@one.example"), "1");
  EXPECT_EQ(block_of("a@other.one.example"), "1");
  EXPECT_EQ(block_of("a@notone.example"), "general");
  EXPECT_EQ(block_of("a@example"), "general");
  EXPECT_EQ(block_of("a@two.example"), "0");
  EXPECT_EQ(block_of("a@paying.example"), "1");
  EXPECT_EQ(block_of("a@mail.paying.example"), "1");
  EXPECT_EQ(block_of("a@guest.example"), "2");
  EXPECT_EQ(block_of("a@shared.example"), "1");
  EXPECT_EQ(block_of("a@old.example"), "3");
  EXPECT_EQ(block_of("a@old.example", 0), "general") << "the list has expired";
  EXPECT_EQ(block_of("a@b\xC3\xBC"
                     "cher.example"),
            "4");
  EXPECT_EQ(block_of("a@[192.0.2.1]"), "general");
  EXPECT_EQ(block_of("a"), "general");
  EXPECT_EQ(block_of("abuse@one.example"), "role");
  EXPECT_EQ(block_of("\"a@two.example\"@one.example"), "1");
}

// One block after the other, each of its domains, and of its lists, with each name above.
RuleBlock slowly(const Snapshot& snapshot, const std::string& domain) {
  const auto is_in = [&](const std::string& above) {
    return domain == above || domain.ends_with('.' + above);
  };
  const auto& blocks = snapshot.policy().message_blocks;
  for (size_t i = 0; i < blocks.size(); i++) {
    for (const auto& one : blocks[i].domains)
      if (is_in(one)) return block_number(i);
    for (const auto& in : blocks[i].lists)
      for (const size_t list : in.lists)
        for (const auto& one : snapshot.domains_of(list))
          if (is_in(one)) return block_number(i);
  }
  return RuleBlock::kGeneral;
}

TEST_F(RecipientBlocksTest, AgreesWithTryingOneAfterTheOther) {
  std::mt19937 random(5321);
  const std::vector<std::string> domains = {"a.example",     "b.a.example",    "c.b.a.example",
                                            "d.example",     "paying.example", "x.guest.example",
                                            "shared.example"};
  for (int round = 0; round < 60; round++) {
    std::vector<std::string> items = {"list paying", "list guests"};
    for (const auto& domain : domains) items.push_back('"' + domain + '"');
    std::shuffle(items.begin(), items.end(), random);
    items.resize(2 + random() % (items.size() - 1));
    std::string text;
    std::vector<std::string> named;
    for (const auto& item : items) {
      // One below another that was named is an error, and not what is looked at here.
      const bool below = std::ranges::any_of(
          named, [&](const std::string& above) { return item.ends_with('.' + above.substr(1)); });
      if (below) continue;
      named.push_back(item);
      text += "message to " + item + "\n accept any\n";
    }
    const auto snapshot = compiled(text);
    const RecipientBlocks blocks(*snapshot);
    for (const auto& domain : domains)
      for (const std::string& name : {domain, "mail." + domain, "x" + domain})
        ASSERT_EQ(blocks.block_of("a@" + name, 0), slowly(*snapshot, name)) << name << "\n" << text;
  }
}

}  // namespace
}  // namespace postern::policy
