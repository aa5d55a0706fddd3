// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of DNS responses. Compression pointers may only point backwards, each one further than
// the last (RFC 1035 §4.1.4: "a prior occurrence"), which also bounds the walk.
#include "control/dns/message.h"

#include <array>
#include <cstdio>
#include <optional>

#include "control/dns/domain_name.h"
#include "rules/address/address.h"
#include "rules/text/cursor.h"

namespace postern::dns {
namespace {

constexpr size_t kHeaderLength = 12;
constexpr uint16_t kInternet = 1;

uint16_t take_16(Cursor& cursor) {
  const auto bytes = cursor.take(2);
  if (bytes.empty()) return 0;
  return static_cast<uint16_t>(static_cast<uint8_t>(bytes[0]) << 8 |
                               static_cast<uint8_t>(bytes[1]));
}

// As text, lower case; what is not a plain name character becomes \DDD (RFC 1035 §5.1).
void append_label(std::string& name, std::string_view label) {
  if (!name.empty()) name += '.';
  for (char c : label) {
    if (c > ' ' && c < 0x7f && c != '.' && c != '\\') {
      name += ascii_lower(c);
    } else {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\%03u",
                    static_cast<unsigned>(static_cast<uint8_t>(c)));
      name += escaped.data();
    }
  }
}

// Reads a name at the cursor; pointers are followed in `message`, whose start offset 0 means.
std::string take_name(Cursor& cursor, std::string_view message, size_t cursor_start) {
  std::string name;
  size_t lowest = cursor_start + cursor.position();  // a pointer must go below this
  std::optional<Cursor> elsewhere;                   // once a pointer was followed
  size_t wire_length = 0;
  while (true) {
    Cursor& from = elsewhere ? *elsewhere : cursor;
    const auto length = static_cast<uint8_t>(from.take());
    if (from.failed()) break;
    if (length == 0) return name;
    if ((length & 0xc0) == 0xc0) {
      const size_t target =
          static_cast<size_t>(length & 0x3f) << 8 | static_cast<uint8_t>(from.take());
      if (from.failed() || target >= lowest) break;
      lowest = target;
      elsewhere.emplace(message.substr(target));
      continue;
    }
    wire_length += 1U + length;
    if ((length & 0xc0) != 0 || wire_length > 254) break;  // RFC 1035 §2.3.4: 255 with the root
    const auto label = from.take(length);
    if (from.failed()) break;
    append_label(name, label);
  }
  cursor.fail();
  return {};
}

std::string read_text(Cursor& data) {
  std::string text;
  while (!data.at_end()) text += data.take(static_cast<uint8_t>(data.take()));
  return text;
}

std::string read_address(Cursor& data, RecordType type) {
  const auto bytes = data.take(type == RecordType::kA ? 4 : 16);
  if (bytes.empty()) return {};
  std::array<uint8_t, 16> octets{};
  for (size_t i = 0; i < bytes.size(); i++) octets[i] = static_cast<uint8_t>(bytes[i]);
  if (type == RecordType::kAaaa) return IpAddress::v6(octets).to_string();
  return IpAddress::v4(static_cast<uint32_t>(octets[0]) << 24 |
                       static_cast<uint32_t>(octets[1]) << 16 |
                       static_cast<uint32_t>(octets[2]) << 8 | octets[3])
      .to_string();
}

Answer failed(std::string detail) {
  Answer answer;
  answer.detail = std::move(detail);
  return answer;
}

std::string name_of_rcode(unsigned rcode) {
  switch (rcode) {
    case 1:
      return "FORMERR";
    case 2:
      return "SERVFAIL";
    case 4:
      return "NOTIMP";
    case 5:
      return "REFUSED";
    default:
      return "rcode " + std::to_string(rcode);
  }
}

}  // namespace

Answer read_response(std::string_view message, RecordType type) {
  Cursor cursor(message);
  const auto header = cursor.take(kHeaderLength);
  if (cursor.failed()) return failed("the response is shorter than a DNS header");
  const unsigned rcode = static_cast<uint8_t>(header[3]) & 0x0f;
  if (rcode != 0 && rcode != 3) return failed(name_of_rcode(rcode));
  Cursor counts(header.substr(4));
  const unsigned questions = take_16(counts);
  const unsigned answers = take_16(counts);
  if (questions != 1) return failed("the response does not repeat one question");

  std::string wanted = take_name(cursor, message, 0);
  cursor.take(4);  // type, class
  Answer answer;
  for (unsigned i = 0; i < answers && !cursor.failed(); i++) {
    const std::string owner = take_name(cursor, message, 0);
    const uint16_t record_type = take_16(cursor);
    const uint16_t record_class = take_16(cursor);
    cursor.take(4);  // TTL
    const uint16_t length = take_16(cursor);
    const size_t start = cursor.position();
    Cursor data(cursor.take(length));
    if (cursor.failed()) break;
    if (record_class != kInternet || owner != wanted) continue;
    if (record_type == static_cast<uint16_t>(type)) {
      switch (type) {
        case RecordType::kA:
        case RecordType::kAaaa:
          answer.records.push_back(read_address(data, type));
          break;
        case RecordType::kTxt:
          answer.records.push_back(read_text(data));
          break;
        case RecordType::kMx: {
          const uint16_t preference = take_16(data);
          answer.records.push_back(std::to_string(preference) + ' ' +
                                   take_name(data, message, start));
          break;
        }
        case RecordType::kNs:
        case RecordType::kCname:
        case RecordType::kPtr:
          answer.records.push_back(take_name(data, message, start));
          break;
      }
    } else if (record_type == static_cast<uint16_t>(RecordType::kCname)) {
      wanted = take_name(data, message, start);
    }
    if (data.failed()) cursor.fail();
  }
  if (cursor.failed()) return failed("the response does not parse");
  if (!answer.records.empty()) {
    answer.status = Status::kFound;
  } else {
    answer.status = rcode == 3 ? Status::kNoName : Status::kNoData;
  }
  return answer;
}

}  // namespace postern::dns
