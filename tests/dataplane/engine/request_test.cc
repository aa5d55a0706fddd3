// SPDX-License-Identifier: BSD-3-Clause
//
// Request bodies: what is read, and what each refusal says.
#include "dataplane/engine/request.h"

#include <gtest/gtest.h>

#include <string>

namespace postern {
namespace {

template <typename Read>
ApiRefusal refusal_of(Read read, const std::string& body) {
  try {
    read(body);
  } catch (const ApiRefusal& refusal) {
    return refusal;
  }
  return {200, "not refused: " + body};
}

TEST(EntryRequest, ReadsAllMembers) {
  const auto request = read_entry_request(
      R"({"prefix":"203.0.113.7/32","action":"reset","reason":"said HELO ylmf-pc","seconds":3600})");
  EXPECT_EQ(request.prefix.to_string(), "203.0.113.7/32");
  EXPECT_EQ(request.action, Action::RESET);
  EXPECT_EQ(request.reason, "said HELO ylmf-pc");
  EXPECT_EQ(request.seconds, 3600u);
}

TEST(EntryRequest, ASingleAddressIsAPrefixAndTheReasonMayBeAbsent) {
  const auto request =
      read_entry_request(R"({"prefix":"2001:db8::1","action":"allow","seconds":31536000})");
  EXPECT_EQ(request.prefix.to_string(), "2001:db8::1/128");
  EXPECT_EQ(request.action, Action::ALLOW);
  EXPECT_EQ(request.reason, "");
  EXPECT_EQ(request.seconds, 31536000u);
}

TEST(EntryRequest, RefusesAnotherShapeWith400) {
  const char* bodies[] = {
      "",
      "{",
      "[]",
      "null",
      "\"x\"",
      "{}\xff",
      R"({"action":"drop","seconds":1})",
      R"({"prefix":"203.0.113.7/32","seconds":1})",
      R"({"prefix":"203.0.113.7/32","action":"drop"})",
      R"({"prefix":7,"action":"drop","seconds":1})",
      R"({"prefix":"203.0.113.7/32","action":["drop"],"seconds":1})",
      R"({"prefix":"203.0.113.7/32","action":"drop","seconds":"1"})",
      R"({"prefix":"203.0.113.7/32","action":"drop","seconds":1.5})",
      R"({"prefix":"203.0.113.7/32","action":"drop","seconds":1,"reason":1})",
      R"({"prefix":"203.0.113.7/32","action":"drop","seconds":1,"second":1})",
      R"({"prefix":"203.0.113.7/32","action":"drop","seconds":1} {})",
  };
  for (const auto* body : bodies)
    EXPECT_EQ(refusal_of(read_entry_request, body).status, 400u) << body;
}

TEST(EntryRequest, RefusesValuesThatCannotBeWith422) {
  const auto refused = [](const std::string& prefix, const std::string& action,
                          const std::string& seconds, const std::string& reason = "") {
    return refusal_of(read_entry_request, R"({"prefix":")" + prefix + R"(","action":")" + action +
                                              R"(","seconds":)" + seconds + R"(,"reason":")" +
                                              reason + "\"}");
  };
  for (const auto* prefix :
       {"", "203.0.113.7/24", "203.0.0.0/16", "0.0.0.0/0", "::/0", "example", "2001:db8::/65",
        "203.0.113.007/32", "203.0.113.7/33", "::ffff:1.2.3.4"})
    EXPECT_EQ(refused(prefix, "drop", "1").status, 422u) << prefix;
  for (const auto* action : {"", "DROP", "refused", "limit"})
    EXPECT_EQ(refused("203.0.113.7/32", action, "1").status, 422u) << action;
  for (const auto* seconds : {"0", "-1", "31536001", "9223372036854775807", "18446744073709551615"})
    EXPECT_EQ(refused("203.0.113.7/32", "drop", seconds).status, 422u) << seconds;
  EXPECT_EQ(refused("203.0.113.7/32", "drop", "1", std::string(256, 'r')).status, 200u);
  EXPECT_EQ(refused("203.0.113.7/32", "drop", "1", std::string(257, 'r')).status, 422u);
}

TEST(EntryRequest, WhatIsShownOfTheRequestIsShortAndWholeCharacters) {
  const auto line = refusal_of(read_entry_request, R"({"prefix":"x)" + std::string(5000, 'a') +
                                                       R"(","action":"drop","seconds":1})")
                        .line;
  EXPECT_LT(line.size(), 200u);
  std::string umlauts;
  for (int i = 0; i < 40; i++) umlauts += "\xc3\xbc";
  const auto cut = refusal_of(read_entry_request,
                              R"({"prefix":"x)" + umlauts + R"(","action":"drop","seconds":1})")
                       .line;
  EXPECT_NE(cut.find("\xc3\xbc...'"), std::string::npos) << cut;
}

TEST(EntryRequest, DeepNestingIsAnErrorNotACrash) {
  const auto refusal = refusal_of(read_entry_request, std::string(60'000, '['));
  EXPECT_EQ(refusal.status, 400u);
}

TEST(RemovalRequest, ReadsThePrefix) {
  EXPECT_EQ(read_removal_request(R"({"prefix":"2001:db8::/64"})").prefix.to_string(),
            "2001:db8::/64");
  EXPECT_EQ(refusal_of(read_removal_request, R"({"prefix":"2001:db8::/32"})").status, 422u);
  EXPECT_EQ(refusal_of(read_removal_request, R"({"prefix":"2001:db8::/64","all":true})").status,
            400u);
}

TEST(SnapshotRequest, WantsAnAbsolutePath) {
  const auto request = read_snapshot_request(R"({"path":"/etc/postern/site.psnap"})");
  EXPECT_EQ(request.path, "/etc/postern/site.psnap");
  EXPECT_EQ(request.confirm_seconds, std::nullopt);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":"site.psnap"})").status, 422u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":""})").status, 422u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":"/etc/\u0000x"})").status, 422u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({})").status, 400u);
}

TEST(SnapshotRequest, MayWantToBeConfirmed) {
  EXPECT_EQ(read_snapshot_request(R"({"path":"/s","confirm_seconds":300})").confirm_seconds, 300u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":"/s","confirm_seconds":0})").status, 422u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":"/s","confirm_seconds":86401})").status,
            422u);
  EXPECT_EQ(refusal_of(read_snapshot_request, R"({"path":"/s","confirm_seconds":86401})").line,
            "confirm_seconds are 1 to 86400");
  for (const char* bad : {"null", "1.5", "\"5m\""})
    EXPECT_EQ(refusal_of(read_snapshot_request,
                         R"({"path":"/s","confirm_seconds":)" + std::string(bad) + "}")
                  .status,
              400u)
        << bad;
}

TEST(Confirmation, NamesAGeneration) {
  EXPECT_EQ(read_confirmation(R"({"generation":1700000000000000})"), 1700000000000000u);
  EXPECT_EQ(refusal_of(read_confirmation, R"({})").status, 400u);
  EXPECT_EQ(refusal_of(read_confirmation, R"({"generation":-1})").status, 422u);
  EXPECT_EQ(refusal_of(read_confirmation, R"({"generation":1,"all":true})").status, 400u);
}

TEST(ExplainRequest, ReadsAddressesPlainAndPercentEncoded) {
  const auto plain = read_explain_request("address=2001:db8::1&to=198.51.100.25");
  EXPECT_EQ(plain.address.to_string(), "2001:db8::1");
  EXPECT_EQ(plain.to->to_string(), "198.51.100.25");
  const auto encoded = read_explain_request("address=2001%3adb8%3A%3A1");
  EXPECT_EQ(encoded.address.to_string(), "2001:db8::1");
  EXPECT_FALSE(encoded.to);
  EXPECT_EQ(read_explain_request("address=::ffff:192.0.2.1").address.to_string(), "192.0.2.1");
}

TEST(ExplainRequest, RefusesAnotherShapeWith400AndWhatIsNoAddressWith422) {
  for (const char* query : {"", "to=192.0.2.1", "address", "address=192.0.2.1&to",
                            "address=192.0.2.1&address=192.0.2.1", "address=192.0.2.1&port=25", "&",
                            "address=%", "address=%3", "address=%3g", "adress=192.0.2.1"})
    EXPECT_EQ(refusal_of(read_explain_request, query).status, 400u) << query;
  for (const char* query : {"address=", "address=192.0.2", "address=192.0.2.1/32",
                            "address=192.0.2.1&to=mx.example", "address=%00"})
    EXPECT_EQ(refusal_of(read_explain_request, query).status, 422u) << query;
}

TEST(SamplesRequest, AsksByDefaultForAllThatIsStopped) {
  const auto request = read_samples_request("");
  for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
    EXPECT_EQ(request.wish.reasons >> reason & 1, kReasonWords[reason].stops ? 1u : 0u) << reason;
  EXPECT_EQ(request.wish.every, 1u);
  EXPECT_EQ(request.wish.snap, PS_SAMPLE_USUAL_BYTES);
  EXPECT_EQ(request.bytes, SamplesRequest::Bytes::kNone);
  EXPECT_EQ(request.after, std::nullopt);
  EXPECT_EQ(request.wait.count(), 0);
}

TEST(SamplesRequest, SaysWhatItWants) {
  const auto request = read_samples_request(
      "reason=rule-drop&reason=bad-ip-header&every=100&after=17&limit=5&wait=1500&bytes=256");
  EXPECT_EQ(request.wish.reasons,
            uint64_t{1} << PS_REASON_RULE_DROP | uint64_t{1} << PS_REASON_BAD_IP_HEADER);
  EXPECT_EQ(request.wish.every, 100u);
  EXPECT_EQ(request.wish.snap, 256u);
  EXPECT_EQ(request.bytes, SamplesRequest::Bytes::kAll);
  EXPECT_EQ(request.after, 17u);
  EXPECT_EQ(request.limit, 5u);
  EXPECT_EQ(request.wait.count(), 1500);
  const auto headers = read_samples_request("fate=all&bytes=headers");
  EXPECT_EQ(headers.wish.reasons, (uint64_t{1} << PS_REASON_COUNT) - 1);
  EXPECT_EQ(headers.bytes, SamplesRequest::Bytes::kHeaders);
  EXPECT_EQ(headers.wish.snap, PS_SAMPLE_USUAL_BYTES);
  EXPECT_EQ(read_samples_request("fate=passed").wish.reasons & uint64_t{1} << PS_REASON_RULE_DROP,
            0u);
}

TEST(SamplesRequest, RefusesWhatCannotBe) {
  for (const char* query :
       {"fate=stopped&reason=rule-drop", "every=1&every=1", "after", "reasons=x", "&"})
    EXPECT_EQ(refusal_of(read_samples_request, query).status, 400u) << query;
  for (const char* query : {"fate=dropped", "reason=rule_drop", "every=0", "every=1073741825",
                            "every=-1", "every=1x", "after=9223372036854775808", "limit=0",
                            "limit=251", "wait=20001", "bytes=0", "bytes=2049", "bytes=header"})
    EXPECT_EQ(refusal_of(read_samples_request, query).status, 422u) << query;
}

}  // namespace
}  // namespace postern
