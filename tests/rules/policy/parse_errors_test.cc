// SPDX-License-Identifier: BSD-3-Clause
//
// Every error a policy can have: where it is pointed at, and what is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rules/abi/snapshot_format.h"
#include "rules/lists/list_format.h"
#include "rules/policy/parse.h"
#include "tests/rules/policy/policy_fault.h"
#include "tests/rules/support/compiled.h"

namespace postern {
namespace {

using test::Fault;
using testing::HasSubstr;

std::string known_formats() {
  std::string names;
  for (const auto* format : list_formats())
    names += (names.empty() ? "" : ", ") + std::string(format->name());
  return names;
}

std::string complaints(const std::string& text) {
  return test::complaint_of([&] { parse_policy(text, "p"); });
}

class OneFault : public testing::TestWithParam<Fault> {};

TEST_P(OneFault, IsReportedAtItsPlace) {
  test::expect_at_its_place(GetParam());
}

INSTANTIATE_TEST_SUITE_P(
    Lines, OneFault,
    testing::Values(
        Fault{"foo", 1,
              "expected list, protect, service, signature, connection, message or include, not "
              "\"foo\""},
        Fault{"\"foo\"", 1,
              "expected list, protect, service, signature, connection, message or include, not "
              "\"foo\""},
        Fault{"include", 8, "expected the file to include in double quotes, but the line ends"},
        Fault{"include \"x\" y", 13, "expected the end of the line, not \"y\""},
        Fault{"include \"p\"", 9, "this is the policy itself"},
        Fault{"include \"x\"", 9, "\"x\" is not read here"},
        Fault{"map any weight 1", 5, "a map stands under the list that it is for"},
        Fault{"list a \"a\"\nservice mx 192.0.2.1\nfetch \"https://a/\"", 7,
              "a fetch stands under the list that it is for"},
        Fault{"signature", 10, "expected the name of a signature, but the line ends"},
        Fault{"signature a", 12, "expected a pattern between slashes, but the line ends"},
        Fault{"signature a b drop", 13, "expected a pattern between slashes, not \"b\""},
        Fault{"signature a /b", 13, "this pattern has no closing slash"},
        Fault{"signature a // drop", 13, "the pattern is empty"},
        Fault{"signature a /b/", 16, "expected drop or reset, but the line ends"},
        Fault{"signature a /b/ refuse", 17, "expected drop or reset, not \"refuse\""},
        Fault{"signature a /(/ drop", 13,
              "this is no pattern: Missing close parenthesis for group "
              "started at index 0."},
        Fault{"signature a /b/ drop learn 366d", 28, "what is learned is kept for 365d at most"},
        Fault{"signature a /b/ drop hard", 22, "expected the end of the line, not \"hard\""},
        Fault{"signature a /b/ drop\nsignature a /c/ drop", 11,
              "there is a signature \"a\" already, at line 1"},
        Fault{"drop any", 1, "a rule with \"drop\" stands under \"connection\""},
        Fault{"accept any", 1, "a rule with \"accept\" stands under \"message\""},
        Fault{"= x", 1,
              "expected list, protect, service, signature, connection, message or include, not "
              "\"=\""},
        Fault{"List a \"a\"", 1,
              "expected list, protect, service, signature, connection, message or include, not "
              "\"List\""}));

INSTANTIATE_TEST_SUITE_P(
    Lists, OneFault,
    testing::Values(
        Fault{"list", 5, "expected the name of a list, but the line ends"},
        Fault{"list \"a\"", 6, "expected the name of a list, not \"a\""},
        Fault{"list 1a \"a\"", 6,
              "\"1a\" is not a name: a letter, then letters, digits, - and _, at most 63"},
        Fault{"list a.b \"a\"", 6,
              "\"a.b\" is not a name: a letter, then letters, digits, - and _, at most 63"},
        Fault{"list a", 7, "expected the list's file in double quotes, but the line ends"},
        Fault{"list a a.txt", 8, "expected the list's file in double quotes, not \"a.txt\""},
        Fault{"list a \"\"", 8, "the list's file is empty"},
        Fault{"list a \"a", 8, "this string has no closing quote"},
        Fault{"list a \"a\"\nlist a \"b\"", 6, "there is a list \"a\" already, at line 1"},
        Fault{
            "list a \"a\" b", 12,
            "expected format, category, contact, weight, expires, stale, max-change, max-share or "
            "max-range, not \"b\""},
        Fault{"list a \"a\" weight", 18,
              "expected a whole number from -1000 to 1000, but the line ends"},
        Fault{"list a \"a\" weight 1001", 19,
              "expected a whole number from -1000 to 1000, not \"1001\""},
        Fault{"list a \"a\" weight 1 weight 1", 21, "\"weight\" is there already"},
        Fault{"list a \"a\" stale 2d", 18, "expected \"after\", not \"2d\""},
        Fault{"list a \"a\" stale after 2d", 26,
              "expected ignore, keep or refuse, but the line ends"},
        Fault{"list a \"a\" max-share 101%", 22, "a share is at most 100%"},
        Fault{"list a \"a\" max-range 8", 22, "expected a prefix length from /1 to /32, not \"8\""},
        Fault{"list a \"a\" max-range /33", 22,
              "expected a prefix length from /1 to /32, not \"/33\""},
        Fault{"list a \"a\" max-range /8 /129", 25,
              "expected a prefix length from /1 to /128, not \"/129\""},
        Fault{"list a \"a\" format", 18, "expected a format, but the line ends"},
        Fault{"list a \"a\" format nope", 19,
              "\"nope\" is not a format; there are " + known_formats()},
        Fault{"list a \"a\" format cidr format drop", 24, "\"format\" is there already"},
        Fault{"list a \"a\" category x category y", 23, "\"category\" is there already"},
        Fault{"list a \"a\" expires 1d expires 1d", 23, "\"expires\" is there already"},
        Fault{"list a \"a\" category \"x\"", 21, "expected the name of a category, not \"x\""},
        Fault{"list a \"a\" contact x", 20, "expected a contact in double quotes, not \"x\""},
        Fault{"list a \"a\" contact \"postmaster\"", 20,
              "a contact is a https:, http: or mailto: URL of at most 200 bytes"},
        Fault{"list a \"a\" contact \"https://a b\"", 20,
              "a contact is a https:, http: or mailto: URL of at most 200 bytes"},
        Fault{"list a \"a\" expires 7", 20,
              "expected a duration such as 12h or 7d (units s, m, h, d, w), not \"7\""},
        Fault{"list a \"a\" expires d7", 20,
              "expected a duration such as 12h or 7d (units s, m, h, d, w), not \"d7\""},
        Fault{"list a \"a\" expires -1d", 20,
              "expected a duration such as 12h or 7d (units s, m, h, d, w), not \"-1d\""},
        Fault{"list a \"a\" expires 0d", 20,
              "a duration is more than nothing and at most ten years (3650d)"},
        Fault{"list a \"a\" expires 3651d", 20,
              "a duration is more than nothing and at most ten years (3650d)"},
        Fault{"list a \"a\" max-change 50", 23, "expected a percentage such as 50%, not \"50\""},
        Fault{"list a \"a\" max-change %", 23, "expected a percentage such as 50%, not \"%\""},
        Fault{"list a \"a\" max-change 1e3%", 23,
              "expected a percentage such as 50%, not \"1e3%\""},
        Fault{"list a \"a\" max-change 0%", 23, "a change is above 0% and at most 10000%"}));

INSTANTIATE_TEST_SUITE_P(
    UnderLists, OneFault,
    testing::Values(
        Fault{"list a \"a\"\n map", 5, "expected a value, \"value\" or \"any\", but the line ends"},
        Fault{"list a \"a\"\n map any", 9,
              "expected category, weight or ignore, but the line ends"},
        Fault{"list a \"a\"\n map value 3 weight 1", 12,
              "expected one of = != < <= > >=, not \"3\""},
        Fault{"list a \"a\"\n map value > x weight 1", 14, "expected a number, not \"x\""},
        Fault{"list a \"a\"\n map x category c weight 1 ignore", 28,
              "expected the end of the line, not \"ignore\""},
        Fault{"list a \"a\"\n map x ignore weight 1", 15,
              "expected the end of the line, not \"weight\""},
        Fault{"list a \"a\"\n map any weight 1\n map x weight 1", 6,
              "this map can never hold: the map at line 2 comes before it"},
        Fault{"list a \"a\"\n map x weight 1\n map \"x\" weight 2", 6,
              "this map can never hold: the map at line 2 comes before it"},
        Fault{"list a \"a\"\n fetch", 7,
              "expected the feed's URL in double quotes, but the line ends"},
        Fault{"list a \"a\"\n fetch \"http://a/\"", 8,
              "the feed's URL is a https: URL with a host, and without a user or a fragment"},
        Fault{"list a \"a\"\n fetch \"https://u@a/\"", 8,
              "the feed's URL is a https: URL with a host, and without a user or a fragment"},
        Fault{"list a \"a\"\n fetch \"https://a/\" max-bytes 2G", 31,
              "expected a size such as 500K or 50M (units K, M, G), at most 1G, not \"2G\""},
        Fault{"list a \"a\"\n fetch \"https://a/\" checksum \"https://b/\"", 30,
              "this is another host than the feed's; only one is trusted"},
        Fault{"list a \"a\"\n fetch \"https://a/\" signature \"https://A:8443/s\"", 49,
              "expected \"key\", but the line ends"},
        Fault{"list a \"a\"\n fetch \"https://a/\" pin \"sha256//x\"", 25,
              "a pin is sha256// and the base64 of the host's public key's SHA-256; several have ; "
              "between"},
        Fault{"list a \"a\"\n fetch \"https://a/\" pin "
              "\"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=;\"",
              25,
              "a pin is sha256// and the base64 of the host's public key's SHA-256; several have ; "
              "between"},
        Fault{"list a \"a\" format domains\n map any weight 2", 6,
              "this map can never hold: domains have no values"},
        Fault{"list a \"a\"\n fetch \"https://a/\"\n fetch \"https://a/\"", 8,
              "there is a fetch already, at line 2"}));

INSTANTIATE_TEST_SUITE_P(
    Addresses, OneFault,
    testing::Values(
        Fault{"protect", 8, "expected an address or a prefix, but the line ends"},
        Fault{"protect \"192.0.2.1\"", 9, "expected an address or a prefix, not \"192.0.2.1\""},
        Fault{"protect 192.0.2.1 192.0.2", 19, "\"192.0.2\" is not an address or a prefix"},
        Fault{"protect list x", 14, "there is no list \"x\""},
        Fault{"protect category x", 18, "no list has category \"x\""},
        Fault{"list d \"d\" format domains\nprotect list d", 14,
              "list \"d\" has domains; addresses are protected"},
        Fault{"protect 192.0.2.1/24", 9,
              "\"192.0.2.1/24\" has bits set behind its length; did you mean 192.0.2.0/24?"},
        Fault{"protect 010.0.0.0/8", 9,
              "\"010.0.0.0/8\" has an octet with a leading zero, which some would read as octal"},
        Fault{"protect 192.0.2.1, 192.0.2.2", 18, "expected an address or a prefix, not \",\""},
        Fault{"service", 8, "expected the name of a service, but the line ends"},
        Fault{"service mx", 11, "expected an address or a prefix, but the line ends"},
        Fault{"service mx port 25", 12, "\"port\" is not an address or a prefix"},
        Fault{"service mx 192.0.2.1 port", 26,
              "expected a port from 1 to 65535, but the line ends"},
        Fault{"service mx 192.0.2.1 port 0", 27, "expected a port from 1 to 65535, not \"0\""},
        Fault{"service mx 192.0.2.1 port 65536", 27,
              "expected a port from 1 to 65535, not \"65536\""},
        Fault{"service mx 192.0.2.1 port +25", 27, "expected a port from 1 to 65535, not \"+25\""},
        Fault{"service mx 192.0.2.1 port 25 26", 30, "expected the end of the line, not \"26\""},
        Fault{
            "service mx 192.0.2.1 vlan 4095", 27,
            "expected a VLAN from 1 to 4094, an outer and an inner one such as 100.7, or \"none\", "
            "not \"4095\""},
        Fault{
            "service mx 192.0.2.1 vlan", 26,
            "expected a VLAN from 1 to 4094, an outer and an inner one such as 100.7, or \"none\", "
            "but the line ends"},
        Fault{"service mx 192.0.2.1 vlan 5 port 25", 29,
              "expected the end of the line, not \"port\""},
        Fault{"service a 192.0.2.1 vlan 5\nservice b 192.0.2.1 vlan 5", 11,
              "192.0.2.1/32 port 25 vlan 5 is within 192.0.2.1/32 of service \"a\" at line 1"},
        Fault{"service mx 192.0.2.1 name mx", 27,
              "expected a host name in double quotes, not \"mx\""},
        Fault{"service mx 192.0.2.1 name \"a b\"", 27,
              "host name \"a b\" has a byte that no domain name has"},
        Fault{"service mx 192.0.2.1 name \"a..b\"", 27, "host name \"a..b\" has an empty label"},
        Fault{"service mx 192.0.2.1 name \"-x\"", 27,
              "host name \"-x\" has a label that begins or ends with a hyphen"},
        Fault{"service mx 192.0.2.1 name \"x-\"", 27,
              "host name \"x-\" has a label that begins or ends with a hyphen"},
        Fault{"service mx 192.0.2.1 name \"mx_1\"", 27,
              "host name \"mx_1\" has an underscore, as no host's name has"},
        Fault{"service mx 192.0.2.1 name "
              "\"a123456789a123456789a123456789a123456789a123456789a123456789a123.example\"",
              27,
              "host name "
              "\"a123456789a123456789a123456789a123456789...\" "
              "has a label of more than 63 bytes"},
        Fault{"service mx 192.0.2.1 name "
              "\"a123456789a123456789a123456789a123456789a123456789."
              "b123456789b123456789b123456789b123456789b12345.example\"",
              27, "a name to greet with has 100 bytes at most"},
        Fault{"service mx 192.0.2.1 name \"\"", 27, "a host name is empty"},
        Fault{"service mx 192.0.2.1 name \"mx\" port 25", 32,
              "expected the end of the line, not \"port\""},
        Fault{"service mx 192.0.2.1\nservice mx 192.0.2.2", 9,
              "there is a service \"mx\" already, at line 1"},
        Fault{"service mx 192.0.2.1 192.0.2.1", 22,
              "192.0.2.1/32 port 25 is within 192.0.2.1/32 of service \"mx\" at line 1"},
        Fault{"service a 192.0.2.0/24\nservice c 192.0.3.0/24\nservice b 10.0.0.1 192.0.2.8/29", 20,
              "192.0.2.8/29 port 25 is within 192.0.2.0/24 of service \"a\" at line 1"}));

INSTANTIATE_TEST_SUITE_P(
    Connections, OneFault,
    testing::Values(
        Fault{"connection", 11, "expected \"to\" or \"from\", but the line ends"},
        Fault{"connection from", 16, "expected list or category, but the line ends"},
        Fault{"connection from list x", 22, "there is no list \"x\""},
        Fault{"list a \"a\"\nconnection from list a port 0", 29,
              "expected a port from 1 to 65535, not \"0\""},
        Fault{"list a \"a\"\nconnection from list a\n refuse to any", 2,
              "\"refuse\" speaks to a sender outside; from inside use reset"},
        Fault{"list a \"a\"\nconnection from list a\n limit any 1/hour else refuse", 24,
              "expected drop or reset, not \"refuse\""},
        Fault{"list a \"a\"\nconnection from list a\n reset any\nconnection from list a port 587",
              17, "what comes from these is judged at line 2 already"},
        Fault{
            "list a \"a\" category x\nlist b \"b\" category x\nconnection from list a\n reset any\n"
            "connection from list b\n reset any\nconnection from category x port 587",
            17, "what comes from these is judged at line 5 already"},
        Fault{"connection to", 14, "expected the name of a service, but the line ends"},
        Fault{"connection to mx", 15, "there is no service \"mx\""},
        Fault{"service mx 192.0.2.1\nconnection to mx mx", 18,
              "expected the end of the line, not \"mx\""},
        Fault{"service mx 192.0.2.1\nconnection to mx,", 18,
              "expected the name of a service, but the line ends"},
        Fault{"service mx 192.0.2.1\nconnection to mx, mx", 19,
              "connections to \"mx\" are judged at line 2 already"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop", 6,
              "expected any, list, category or weight, but the line ends"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight 4", 14,
              "expected one of = != < <= > >=, not \"4\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight != 4", 14,
              "a weight is compared with one of = < <= > >="},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight > x", 16,
              "expected a whole number from -1000000 to 1000000, not \"x\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n allow any hard", 12,
              "\"hard\" goes with drop and reset"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop greeting any", 7,
              "expected any, list, category or weight, not \"greeting\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any", 11,
              "expected a rate such as 20/minute (second, minute, hour, day), at most 1000000, but "
              "the line ends"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 5/hour else drop\n limit any "
              "1/day else drop",
              2, "this rule can never match: the rule at line 3 comes before it"},
        Fault{"list l \"l\"\nservice mx 192.0.2.1\nconnection to mx\n observe drop list l\n "
              "observe reset list l",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{
            "list l \"l\"\nservice mx 192.0.2.1\nconnection to mx\n limit list l 5/hour else drop\n"
            " limit list l 5/day else drop",
            2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 1/day burst 30000 else drop", 24,
              "at this rate, such a burst takes more than 73 years to be free again"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 0/hour else drop", 12,
              "expected a rate such as 20/minute (second, minute, hour, day), at most 1000000, not "
              "\"0/hour\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 5/week else drop", 12,
              "expected a rate such as 20/minute (second, minute, hour, day), at most 1000000, not "
              "\"5/week\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 5/hour", 18,
              "expected \"else\", but the line ends"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 5/hour burst 0 else drop", 25,
              "expected a whole number from 1 to 1000000, not \"0\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit any 5/hour else allow", 24,
              "expected drop, reset or refuse, not \"allow\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n observe observe drop any", 10,
              "expected allow, inspect, drop, reset, refuse, limit or observe, not \"observe\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop any\n observe drop any", 2,
              "this rule can never match: the rule at line 3 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n pass any", 2,
              "expected allow, inspect, drop, reset, refuse, limit or observe, not \"pass\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n tag any", 2,
              "\"tag\" is for messages; a connection rule is allow, inspect, drop, reset, refuse, "
              "limit or observe"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop list x", 12, "there is no list \"x\""},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop category x", 16,
              "no list has category \"x\""},
        Fault{"list d \"d\" format domains category x\nservice mx 192.0.2.1\nconnection to mx\n"
              " drop list d",
              12, "list \"d\" has domains; a connection has addresses"},
        Fault{"list d \"d\" format domains category x\nservice mx 192.0.2.1\nconnection to mx\n"
              " drop category x",
              16, "category \"x\" has only lists of domains; a connection has addresses"},
        Fault{"list a \"a\"\nservice mx 192.0.2.1\nconnection to mx\n drop any\n drop list a", 2,
              "this rule can never match: the rule at line 4 comes before it"},
        Fault{"list a \"a\"\nservice mx 192.0.2.1\nconnection to mx\n drop list a\n allow list a",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"list a \"a\" category x\nservice mx 192.0.2.1\nconnection to mx\n drop category x\n"
              " allow list a",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"list a \"a\" category x\nlist b \"b\" category x\nservice mx 192.0.2.1\n"
              "connection to mx\n drop list a\n reset list b\n allow category x",
              2, "this rule can never match: the rule at line 6 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight >= 3\n allow weight > 4", 2,
              "this rule can never match: the rule at line 3 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight > 3\n reset weight = 3\n"
              " allow weight <= -2\n inspect weight >= 3",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n drop weight > 3\n reset weight < 4\n"
              " allow any",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit weight >= 4 5/hour else drop\n"
              " limit weight >= 6 1/hour else reset",
              2, "this rule can never match: the rule at line 3 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n observe drop weight >= 4\n"
              " observe reset weight = 6",
              2, "this rule can never match: the rule at line 3 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n observe limit weight > 1 5/hour else drop\n"
              " observe limit weight > 1 1/hour else drop",
              2, "this rule can never match: the rule at line 3 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n observe drop weight >= 4\n"
              " observe reset weight <= 4\n observe refuse any",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{"service mx 192.0.2.1\nconnection to mx\n limit weight = 6 5/hour else drop\n"
              " drop weight > 6\n limit weight >= 6 1/hour else drop",
              2, "this rule can never match: the rule at line 4 comes before it"},
        Fault{
            "list a \"a\"\nservice mx 192.0.2.1\nconnection to mx\n limit weight >= 0 5/hour else "
            "drop\n drop weight < 0\n limit list a 1/hour else drop",
            2, "this rule can never match: the rule at line 5 comes before it"},
        Fault{"list a \"a\" category x\nlist b \"b\" category x\nservice mx 192.0.2.1\n"
              "connection to mx\n observe drop list b\n drop list a\n observe reset category x",
              2, "this rule can never match: the rule at line 6 comes before it"},
        Fault{
            "list a \"a\"\nservice mx 192.0.2.1\nconnection to mx\n limit list a 5/hour else drop\n"
            " drop weight < 0\n reset weight >= 0\n limit any 1/hour else drop",
            2, "this rule can never match: the rule at line 6 comes before it"}));

TEST(PolicyErrors, LookLikeThis) {
  EXPECT_EQ(complaints("service mx 192.0.2.1\nconnection to mx\n\tdrop list nope  # why\n"),
            "p:3:12: there is no list \"nope\"\n"
            "  \tdrop list nope  # why\n"
            "  \t          ^");
}

TEST(PolicyErrors, AreAllReportedAtOnceInOrder) {
  EXPECT_EQ(complaints("service mx 192.0.2.1/8\n"
                       "connection to mx, my\n"
                       "  drop list a\n"
                       "  drop everyone\n"
                       "list a 7\r\n"
                       "message\n"
                       "  lookalike any\n"),
            "p:1:12: \"192.0.2.1/8\" has bits set behind its length; did you mean 192.0.0.0/8?\n"
            "  service mx 192.0.2.1/8\n"
            "             ^\n"
            "p:2:19: there is no service \"my\"\n"
            "  connection to mx, my\n"
            "                    ^\n"
            "p:4:8: expected any, list, category or weight, not \"everyone\"\n"
            "    drop everyone\n"
            "         ^\n"
            "p:5:8: expected the list's file in double quotes, not \"7\"\n"
            "  list a 7\n"
            "         ^\n"
            "p:7:3: \"lookalike\" is not known to this version of Postern\n"
            "    lookalike any\n"
            "    ^");
}

TEST(PolicyErrors, EndSomewhere) {
  std::string text;
  for (int i = 0; i < 1000; i++) text += "nonsense\n";
  try {
    parse_policy(text, "p");
    FAIL();
  } catch (const BadInput& bad) {
    EXPECT_EQ(bad.diagnostics().size(), 101u);
    EXPECT_EQ(bad.diagnostics().back().to_string(), "p: 900 more errors are not shown");
  }
}

TEST(PolicyErrors, ComeFromLimitsToo) {
  std::string lists;
  for (size_t i = 0; i <= PS_MAX_LISTS; i++) lists += "list a" + std::to_string(i) + " \"a\"\n";
  EXPECT_THAT(complaints(lists), HasSubstr("p:1025:6: more than 1024 lists"));

  std::string rules = "message\n";
  for (size_t i = 0; i <= PS_MAX_RULES_PER_POLICY; i++)
    rules += " tag domain = \"a" + std::to_string(i) + ".example\"\n";
  EXPECT_THAT(complaints(rules), HasSubstr("p:1026:2: more than 1024 rules in one block"));

  std::string conditions = "message\n tag dns = ok";
  for (int i = 0; i < 16; i++) conditions += " and dns = ok";
  EXPECT_THAT(complaints(conditions), HasSubstr("more than 16 conditions in one rule"));

  EXPECT_EQ(complaints(std::string((4 << 20) + 1, '#')),
            "p: a policy has at most 4 MiB, with all that it includes");
}

}  // namespace
}  // namespace postern
