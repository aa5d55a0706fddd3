// SPDX-License-Identifier: BSD-3-Clause
//
// Every error that the rules for messages can have: where it is pointed at, and what is said.
#include <gtest/gtest.h>

#include "tests/rules/policy/policy_fault.h"

namespace postern {
namespace {

using test::Fault;

const char kBroken[] =
    "this rule holds for a broken signature, which is no evidence of anything (RFC 6376 section "
    "6.3): forwarders and mailing lists break them";

class OneMessageFault : public testing::TestWithParam<Fault> {};

TEST_P(OneMessageFault, IsReportedAtItsPlace) {
  test::expect_at_its_place(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Lines, OneMessageFault,
    testing::Values(
        Fault{"message any", 9, "expected \"to\", or the end of the line, not \"any\""},
        Fault{"message to", 11,
              "expected a domain in double quotes, list or category, but the line ends"},
        Fault{"message to x.example", 12,
              "expected a domain in double quotes, list or category, not \"x.example\""},
        Fault{"message to \"com\"", 12, "\"com\" is a single label; a domain has at least two"},
        Fault{"message to \"x.example\" \"y.example\"", 24,
              "expected a comma, or the end of the line, not \"y.example\""},
        Fault{"message to \"x.example\", \"X.Example.\"", 25,
              "messages to \"x.example\" are judged at line 1 already"},
        Fault{"message to \"x.example\"\n accept any\nmessage to \"a.b.x.example\"", 12,
              "messages to \"a.b.x.example\" are judged at line 1 already"},
        Fault{"message to list x", 17, "there is no list \"x\""},
        Fault{"list a \"a\" format cidr category c\nmessage to list a", 17,
              "list \"a\" has no domains"},
        Fault{"list a \"a\" format cidr category c\nmessage to category c", 21,
              "category \"c\" has no list of domains"},
        Fault{"message to category c", 21, "no list has category \"c\""},
        Fault{"list a \"a\"\nmessage to list a\nmessage to list a", 17,
              "messages to these are judged at line 2 already"},
        Fault{"list a \"a\" category c\nlist b \"b\" category c\nmessage to list a\n"
              "message to list b\nmessage to category c",
              21, "messages to these are judged at line 4 already"},
        Fault{"message to \"x.example\"\n accept any\n reject any", 2,
              "this rule can never match: the rule at line 2 comes before it"},
        Fault{"message to \"x.example\"\n drop any", 2,
              "\"drop\" is for connections; a message rule is accept, tag, quarantine, defer or "
              "reject"},
        Fault{"message\nmessage", 8, "there are message rules at line 1 already"},
        Fault{"message\n lookalike any", 2,
              "\"lookalike\" is not known to this version of Postern"},
        Fault{"message\n drop any", 2,
              "\"drop\" is for connections; a message rule is accept, tag, quarantine, defer or "
              "reject"},
        Fault{"message\n discard any", 2,
              "expected accept, tag, quarantine, defer or reject, not \"discard\""},
        Fault{"quarantine any", 1, "a rule with \"quarantine\" stands under \"message\""},
        Fault{"message\n accept", 8,
              "expected any, dkim, domain, reputation, dns, category, list, rdns, name or "
              "helo-name, but the line ends"},
        Fault{"message\n accept dmarc = fail", 9,
              "\"dmarc\" is not known to this version of Postern"},
        Fault{"message\n reject rdns = pass", 16,
              "expected none, confirmed, unconfirmed or temperror, not \"pass\""},
        Fault{"message\n reject name < dynamic", 14, "expected = or !=, not \"<\""},
        Fault{"message\n reject helo-name = a_b", 21,
              "a class of names has letters, digits and hyphens, 32 at most"},
        Fault{"message\n reject name = dynamic learn", 29,
              "expected a duration such as 12h or 7d (units s, m, h, d, w), but the line ends"},
        Fault{"message\n reject name = dynamic learn 366d", 30,
              "what is learned is kept for 365d at most"},
        Fault{"message\n reject name = dynamic learn 1h and rdns = none", 33,
              "expected the end of the line, not \"and\""},
        Fault{"message\n tag name = dynamic learn 1h", 21,
              "only the source of what is deferred or rejected can be learned"},
        Fault{"message\n reject dkim = fail and name = dynamic learn 1h", 40, kBroken},
        Fault{"message\n reject name = dynamic and dkim != pass learn 1h", 41, kBroken},
        Fault{"message\n reject dkim != none and name = dynamic learn 1h", 41, kBroken},
        Fault{"message\n reject dkim = permerror and name = dynamic learn 1h", 45, kBroken},
        Fault{"message\n reject dkim = none learn 1h", 21,
              "this rule does not look at the source: nothing is to be learned of it; add a "
              "condition such as name, rdns or category"},
        Fault{"message\n reject any learn 1h", 13,
              "this rule does not look at the source: nothing is to be learned of it; add a "
              "condition such as name, rdns or category"},
        Fault{"message\n defer name = dynamic and dns = error learn 1h", 39,
              "this rule holds where the DNS fails, which is no evidence of anything"},
        Fault{"message\n defer rdns = temperror learn 1h", 25,
              "this rule holds where the DNS fails, which is no evidence of anything"},
        Fault{"message\n accept any any", 13, "expected the end of the line, not \"any\""},
        Fault{"message\n accept dkim", 13, "expected = or !=, but the line ends"},
        Fault{"message\n accept dkim < pass", 14, "expected = or !=, not \"<\""},
        Fault{"message\n accept dkim = \"pass\"", 16,
              "expected pass, fail, none, policy, neutral, temperror or permerror, not \"pass\""},
        Fault{"message\n accept dkim = pass and", 24,
              "expected any, dkim, domain, reputation, dns, category, list, rdns, name or "
              "helo-name, but the line ends"},
        Fault{"message\n accept dkim = pass or dns = ok", 21,
              "expected and, or the end of the line, not \"or\""},
        Fault{"message\n accept domain", 15, "expected =, != or in, but the line ends"},
        Fault{"message\n accept domain = example.net", 18,
              "expected a domain in double quotes, not \"example.net\""},
        Fault{"message\n accept domain = \"com\"", 18,
              "\"com\" is a single label; a domain has at least two"},
        Fault{"message\n accept domain in x", 19, "there is no list and no category \"x\""},
        Fault{"list a \"a\" format cidr\nmessage\n accept domain in a", 19,
              "\"a\" has no list of domains"},
        Fault{"list a \"a\" category b\nlist b \"b\"\nmessage\n accept domain in b", 19,
              "\"b\" is a list and also a category with other lists; rename one"},
        Fault{"message\n accept reputation 0.5", 20, "expected one of = != < <= > >=, not \"0.5\""},
        Fault{"message\n accept reputation < 1.1", 22, "expected a score from 0 to 1, not \"1.1\""},
        Fault{"message\n accept reputation < -1", 22, "expected a score from 0 to 1, not \"-1\""},
        Fault{"message\n accept reputation < .5", 22, "expected a score from 0 to 1, not \".5\""},
        Fault{"message\n accept reputation < inf", 22, "expected a score from 0 to 1, not \"inf\""},
        Fault{"message\n accept reputation < 1e-1", 22,
              "expected a score from 0 to 1, not \"1e-1\""},
        Fault{"message\n accept dns = bad", 15, "expected error or ok, not \"bad\""},
        Fault{"message\n accept category x", 18, "no list has category \"x\""},
        Fault{"message\n accept list x", 14, "there is no list \"x\""},
        Fault{"list d \"d\" format domains category x\nmessage\n accept category x", 18,
              "category \"x\" has only lists of domains; say \"domain in x\""},
        Fault{"list d \"d\" format domains category x\nmessage\n accept list d", 14,
              "list \"d\" has domains; say \"domain in d\""},
        Fault{"message\n accept any\n reject dns = error", 2,
              "this rule can never match: the rule at line 2 comes before it"},
        Fault{"message\n accept dns = ok\n reject dkim = pass and dns=ok", 2,
              "this rule can never match: the rule at line 2 comes before it"}));

}  // namespace
}  // namespace postern
