// SPDX-License-Identifier: BSD-3-Clause
//
// DNS responses in wire form: each type, CNAME chains, compression, and every way to be cut off.
#include "control/dns/message.h"

#include <gtest/gtest.h>

namespace postern::dns {
namespace {

using Records = std::vector<std::string>;
constexpr uint16_t kPointerToQuestion = 0xc00c;

std::string be16(unsigned value) {
  return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

std::string wire_name(std::string_view name) {
  std::string wire;
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    wire += static_cast<char>(label.size());
    wire += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  return wire + '\0';
}

std::string record(const std::string& owner, RecordType type, const std::string& data) {
  return owner + be16(static_cast<unsigned>(type)) + be16(1) + std::string(4, '\0') +
         be16(static_cast<unsigned>(data.size())) + data;
}

std::string response(RecordType type, std::vector<std::string> answers, unsigned rcode = 0) {
  std::string message = be16(7) + be16(0x8180 | rcode) + be16(1) +
                        be16(static_cast<unsigned>(answers.size())) + be16(0) + be16(0);
  message += wire_name("Mail.example.org") + be16(static_cast<unsigned>(type)) + be16(1);
  for (const auto& answer : answers) message += answer;
  return message;
}

TEST(ReadResponse, ReadsEachType) {
  const std::string self = be16(kPointerToQuestion);
  const auto one = [&](RecordType type, const std::string& data) {
    const Answer answer = read_response(response(type, {record(self, type, data)}), type);
    EXPECT_EQ(answer.status, Status::kFound) << answer.detail;
    return answer.records;
  };
  EXPECT_EQ(one(RecordType::kA, "\xc0\x02\x02\x01"), Records{"192.2.2.1"});
  EXPECT_EQ(
      one(RecordType::kAaaa, std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\1"),
      Records{"2001:db8::1"});
  EXPECT_EQ(one(RecordType::kTxt, std::string("\3abc\0\2de", 8)), Records{"abcde"});
  EXPECT_EQ(one(RecordType::kTxt, ""), Records{""});
  EXPECT_EQ(one(RecordType::kMx, be16(10) + wire_name("MX.example.org")),
            Records{"10 mx.example.org"});
  EXPECT_EQ(one(RecordType::kMx, be16(0) + std::string(1, '\0')), Records{"0 "});
  // "mx." and then a pointer into the question, behind its first label.
  EXPECT_EQ(one(RecordType::kPtr, "\2mx" + be16(0xc011)), Records{"mx.example.org"});
  EXPECT_EQ(one(RecordType::kPtr, wire_name("a b\\")), Records{"a\\032b\\092"});
}

TEST(ReadResponse, FollowsTheChainOfAliases) {
  const std::string self = be16(kPointerToQuestion);
  const std::string message =
      response(RecordType::kTxt, {record(self, RecordType::kCname, wire_name("b.example")),
                                  record(wire_name("other.example"), RecordType::kTxt, "\1x"),
                                  record(wire_name("B.Example"), RecordType::kTxt, "\2ok")});
  EXPECT_EQ(read_response(message, RecordType::kTxt).records, Records{"ok"});
}

TEST(ReadResponse, KeepsTheAnswersApart) {
  EXPECT_EQ(read_response(response(RecordType::kTxt, {}), RecordType::kTxt).status,
            Status::kNoData);
  EXPECT_EQ(read_response(response(RecordType::kTxt, {}, 3), RecordType::kTxt).status,
            Status::kNoName);
  const Answer servfail = read_response(response(RecordType::kTxt, {}, 2), RecordType::kTxt);
  EXPECT_EQ(servfail.status, Status::kFailed);
  EXPECT_EQ(servfail.detail, "SERVFAIL");
  EXPECT_EQ(read_response(response(RecordType::kTxt, {}, 5), RecordType::kTxt).detail, "REFUSED");
}

TEST(ReadResponse, RefusesEveryPrefix) {
  const std::string self = be16(kPointerToQuestion);
  const std::string whole = response(
      RecordType::kMx, {record(self, RecordType::kMx, be16(10) + wire_name("mx.example.org"))});
  ASSERT_EQ(read_response(whole, RecordType::kMx).status, Status::kFound);
  for (size_t length = 0; length < whole.size(); length++) {
    EXPECT_EQ(read_response(whole.substr(0, length), RecordType::kMx).status, Status::kFailed)
        << length;
  }
}

TEST(ReadResponse, RefusesPointersThatDoNotGoBack) {
  const std::string self = be16(kPointerToQuestion);
  const std::string message = response(RecordType::kTxt, {});
  const auto here = static_cast<unsigned>(message.size());
  for (const unsigned target : {here, here + 1, 0x3fffU}) {
    const std::string looping =
        response(RecordType::kTxt, {record(be16(0xc000 | target), RecordType::kTxt, "\1x")});
    EXPECT_EQ(read_response(looping, RecordType::kTxt).status, Status::kFailed) << target;
  }
  // A pointer inside data to itself.
  const unsigned data = here + 2 + 10;
  const std::string inside =
      response(RecordType::kPtr, {record(self, RecordType::kPtr, be16(0xc000 | data))});
  EXPECT_EQ(read_response(inside, RecordType::kPtr).status, Status::kFailed);
}

TEST(ReadResponse, RefusesNamesThatAreTooLong) {
  std::string name;
  for (int i = 0; i < 5; i++) name += std::string(1, 63) + std::string(63, 'a');
  name += '\0';
  const std::string message =
      response(RecordType::kPtr, {record(be16(kPointerToQuestion), RecordType::kPtr, name)});
  EXPECT_EQ(read_response(message, RecordType::kPtr).status, Status::kFailed);
}

}  // namespace
}  // namespace postern::dns
