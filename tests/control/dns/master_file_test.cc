// SPDX-License-Identifier: BSD-3-Clause
//
// Master files: what RFC 1035 §5 lets people write, the questions to the result, and where errors
// are reported.
#include "control/dns/master_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "rules/text/diagnostic.h"

namespace postern::dns {
namespace {

using Records = std::vector<std::string>;

MasterFile parse(std::string_view text) {
  return MasterFile::parse(text, "test.zone");
}

Answer ask(const MasterFile& zone, std::string_view name, RecordType type) {
  return zone.find(name, type);
}

std::string error_of(std::string_view text) {
  try {
    parse(text);
  } catch (const BadInput& error) {
    const std::string whole = error.diagnostics().at(0).to_string();
    return whole.substr(0, whole.find('\n'));
  }
  return "no error";
}

TEST(MasterFile, ReadsEveryType) {
  const MasterFile zone = parse(R"($ORIGIN example.org.
$TTL 1h
@ IN SOA ns hostmaster ( 2026010100 ; serial
      7200 3600
      604800 300 ) ; minimum
  IN NS ns.example.org.
  IN MX 10 mail
  IN MX 20 mail.example.net.
ns 300 IN A 192.0.2.1
   IN 300 AAAA 2001:DB8::1
mail A 192.0.2.2
     A 192.0.2.3
www CNAME mail
1.2.0.192.in-addr.arpa. PTR NS.example.org.
text TXT "v=spf1 -all"
)");
  EXPECT_EQ(ask(zone, "example.org", RecordType::kNs).records, Records{"ns.example.org"});
  EXPECT_EQ(ask(zone, "example.org", RecordType::kMx).records,
            (Records{"10 mail.example.org", "20 mail.example.net"}));
  EXPECT_EQ(ask(zone, "ns.example.org", RecordType::kA).records, Records{"192.0.2.1"});
  EXPECT_EQ(ask(zone, "NS.Example.ORG.", RecordType::kAaaa).records, Records{"2001:db8::1"});
  EXPECT_EQ(ask(zone, "www.example.org", RecordType::kA).records,
            (Records{"192.0.2.2", "192.0.2.3"}));
  EXPECT_EQ(ask(zone, "www.example.org", RecordType::kCname).records, Records{"mail.example.org"});
  EXPECT_EQ(ask(zone, "1.2.0.192.in-addr.arpa", RecordType::kPtr).records,
            Records{"ns.example.org"});
  EXPECT_EQ(ask(zone, "text.example.org", RecordType::kTxt).records, Records{"v=spf1 -all"});
  EXPECT_EQ(zone.record_count(), 10U);
}

TEST(MasterFile, JoinsTheStringsOfATextRecord) {
  const MasterFile zone = parse(
      "k._domainkey.example.org. 300 IN TXT ( \"v=DKIM1; p=AA;\"  ; a comment with \" and )\n"
      "   \"BB\" CC \"a\\\"b\\\\c\\100\\;\" d\\;e )\n");
  EXPECT_EQ(ask(zone, "k._domainkey.example.org", RecordType::kTxt).records,
            Records{"v=DKIM1; p=AA;BBCCa\"b\\cd;d;e"});
}

TEST(MasterFile, TakesStringsThatAreLongerThanAServerWould) {
  const std::string text(1000, 'x');
  const MasterFile zone = parse("a.example. TXT \"" + text + "\"\n");
  EXPECT_EQ(ask(zone, "a.example", RecordType::kTxt).records, Records{text});
}

TEST(MasterFile, KeepsSeveralRecordsApartAndInOrder) {
  const MasterFile zone = parse("a.example. TXT one\na.example. TXT two\n\tTXT three\n");
  EXPECT_EQ(ask(zone, "a.example", RecordType::kTxt).records, (Records{"one", "two", "three"}));
}

TEST(MasterFile, TellsNoNameFromNoData) {
  const MasterFile zone = parse("a.b.example.org. TXT x\nc.example.org. SRV 0 0 25 a.b\n");
  EXPECT_EQ(ask(zone, "a.b.example.org", RecordType::kA).status, Status::kNoData);
  EXPECT_EQ(ask(zone, "b.example.org", RecordType::kTxt).status, Status::kNoData);
  EXPECT_EQ(ask(zone, "c.example.org", RecordType::kTxt).status, Status::kNoData);
  EXPECT_EQ(ask(zone, "d.example.org", RecordType::kTxt).status, Status::kNoName);
  EXPECT_EQ(ask(zone, "x.a.b.example.org", RecordType::kTxt).status, Status::kNoName);
}

TEST(MasterFile, FollowsAliasesAndBreaksLoops) {
  const MasterFile zone = parse(
      "a.example. CNAME b.example.\nb.example. CNAME c.example.\nc.example. TXT end\n"
      "x.example. CNAME y.example.\ny.example. CNAME x.example.\nz.example. CNAME gone.test.\n");
  EXPECT_EQ(ask(zone, "a.example", RecordType::kTxt).records, Records{"end"});
  EXPECT_EQ(ask(zone, "x.example", RecordType::kTxt).status, Status::kFailed);
  EXPECT_EQ(ask(zone, "z.example", RecordType::kTxt).status, Status::kNoName);
}

TEST(MasterFile, ExpandsWildcardsAtTheClosestEncloser) {
  const MasterFile zone = parse("*.example.org. TXT wild\na.b.example.org. A 192.0.2.1\n");
  EXPECT_EQ(ask(zone, "x.example.org", RecordType::kTxt).records, Records{"wild"});
  EXPECT_EQ(ask(zone, "x.y.example.org", RecordType::kTxt).records, Records{"wild"});
  EXPECT_EQ(ask(zone, "x.example.org", RecordType::kA).status, Status::kNoData);
  // b.example.org exists, so the wildcard is not for what is below it (RFC 4592 §4.1).
  EXPECT_EQ(ask(zone, "x.b.example.org", RecordType::kTxt).status, Status::kNoName);
  EXPECT_EQ(ask(zone, "example.org", RecordType::kTxt).status, Status::kNoData);
}

TEST(MasterFile, TakesNamesAsAbsoluteWhereThereIsNoOrigin) {
  const MasterFile zone = parse("sel._domainkey.example.org IN TXT \"v=DKIM1; p=\"\n");
  EXPECT_EQ(ask(zone, "sel._domainkey.example.org", RecordType::kTxt).records,
            Records{"v=DKIM1; p="});
}

TEST(MasterFile, ChangesTheOriginOnTheWay) {
  const MasterFile zone = parse(
      "$ORIGIN org.\n$ORIGIN example\na TXT 1\n$ORIGIN net.\na TXT 2\n$ORIGIN .\na.test TXT 3\n");
  EXPECT_EQ(ask(zone, "a.example.org", RecordType::kTxt).records, Records{"1"});
  EXPECT_EQ(ask(zone, "a.net", RecordType::kTxt).records, Records{"2"});
  EXPECT_EQ(ask(zone, "a.test", RecordType::kTxt).records, Records{"3"});
}

TEST(MasterFile, TakesAnyOrderOfTtlAndClassAndAnyCase) {
  const MasterFile zone = parse(
      "a.example. 60 in txt 1\nb.example. IN 60 TXT 2\nc.example. 1w2d TXT 3\nd.example. TXT 4\n"
      "In.example. A 192.0.2.1\n\n; only a comment\n   \n");
  for (const char* name : {"a", "b", "c", "d"}) {
    EXPECT_EQ(ask(zone, std::string(name) + ".example", RecordType::kTxt).status, Status::kFound);
  }
  EXPECT_EQ(ask(zone, "in.example", RecordType::kA).status, Status::kFound);
}

TEST(MasterFile, ReadsCrlfAndALastLineWithoutEnd) {
  const MasterFile zone = parse("a.example. TXT \"x\"\r\nb.example. TXT y");
  EXPECT_EQ(ask(zone, "a.example", RecordType::kTxt).records, Records{"x"});
  EXPECT_EQ(ask(zone, "b.example", RecordType::kTxt).records, Records{"y"});
}

TEST(MasterFile, ReportsErrorsAtTheirPlace) {
  EXPECT_EQ(error_of("a. A 192.0.2.1\nb. A 192.0.2.256\n"),
            "test.zone:2:6: '192.0.2.256' is not an IPv4 address");
  EXPECT_EQ(error_of("a. AAAA 192.0.2.1"), "test.zone:1:9: '192.0.2.1' is not an IPv6 address");
  EXPECT_EQ(error_of("a. TXT \"open\nstill"), "test.zone:1:8: the quoted string does not end");
  EXPECT_EQ(error_of("a. TXT ( x\n y\n"), "test.zone:1:8: the parenthesis is not closed");
  EXPECT_EQ(error_of("a. TXT x )"), "test.zone:1:10: a closing parenthesis that nothing opened");
  EXPECT_EQ(error_of("a. TXT ( ( x ) )"), "test.zone:1:10: a parenthesis within parentheses");
  EXPECT_EQ(error_of(" TXT x"),
            "test.zone:1:2: the line has no owner, and no line before it has one");
  EXPECT_EQ(error_of("a. TTXT x"), "test.zone:1:4: 'TTXT' is not a record type");
  EXPECT_EQ(error_of("a. 300 IN"), "test.zone:1:8: the record type is missing");
  EXPECT_EQ(error_of("a. IN TXT"), "test.zone:1:7: TXT wants at least one string");
  EXPECT_EQ(error_of("a. CH TXT x"), "test.zone:1:4: class CH is not supported: only IN");
  EXPECT_EQ(error_of("a. MX mail"), "test.zone:1:4: MX wants 2 values, not 1");
  EXPECT_EQ(error_of("a. MX 65536 mail"),
            "test.zone:1:7: '65536' is not a preference from 0 to 65535");
  EXPECT_EQ(error_of("a. A 192.0.2.1 192.0.2.2"), "test.zone:1:16: A wants 1 value, not 2");
  EXPECT_EQ(error_of("$INCLUDE other.zone"), "test.zone:1:1: $INCLUDE is not supported here");
  EXPECT_EQ(error_of("$ORIGIN"), "test.zone:1:1: $ORIGIN wants one name");
  EXPECT_EQ(error_of("$TTL soon"), "test.zone:1:6: 'soon' is not a time to live");
  EXPECT_EQ(error_of("a..b. A 192.0.2.1"), "test.zone:1:1: an empty label in the name");
  EXPECT_EQ(error_of(std::string(64, 'a') + ". A 192.0.2.1"),
            "test.zone:1:1: a label is over 63 octets");
  EXPECT_EQ(error_of("a. TXT \"x\\300\""), "test.zone:1:10: \\DDD is over 255");
  EXPECT_EQ(error_of("a. TXT x\\"), "test.zone:1:9: nothing follows the backslash");
  EXPECT_EQ(error_of("\"a\" TXT x"), "test.zone:1:1: a quoted string as the owner");
}

TEST(MasterFile, AnErrorOnALaterLineShowsThatLine) {
  try {
    parse("a. A 192.0.2.1\nb. TXT \"x\ny\"\nc. WHAT 1\n");
    FAIL();
  } catch (const BadInput& error) {
    EXPECT_EQ(error.diagnostics().at(0).line, 4U);
    EXPECT_EQ(error.diagnostics().at(0).source, "c. WHAT 1");
  }
}

TEST(MasterFile, LoadsAFileAndSaysWhichOneItCannot) {
  EXPECT_THROW(MasterFile::load("/nonexistent/zone"), BadInput);
  EXPECT_THROW(MasterFile::load("/"), BadInput);
  const std::string path = testing::TempDir() + "postern-master-file-" + std::to_string(getpid());
  std::ofstream(path) << "a.example. TXT x\n";
  EXPECT_EQ(MasterFile::load(path).record_count(), 1U);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace postern::dns
