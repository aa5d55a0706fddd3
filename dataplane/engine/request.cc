// SPDX-License-Identifier: BSD-3-Clause
//
// Reading request bodies (dataplane/engine/request.h). These bytes come from whoever may open the
// socket, so this is a fuzz target.
#include "dataplane/engine/request.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <initializer_list>
#include <system_error>
#include <vector>

#include "dataplane/engine/dynamic_table.h"
#include "rules/text/json_text.h"

namespace postern {
namespace {

namespace json = boost::json;

std::string in_quotes(std::string_view text) {
  size_t shown = std::min<size_t>(text.size(), 64);
  const bool cut = shown < text.size();
  while (cut && shown > 0 && (static_cast<unsigned char>(text[shown]) & 0xc0) == 0x80)
    shown--;  // not inside a UTF-8 character
  return "'" + json_text(text.substr(0, shown)) + (cut ? "...'" : "'");
}

json::object read_object(std::string_view body, std::initializer_list<std::string_view> members) {
  json::error_code error;
  auto value = json::parse(json::string_view(body.data(), body.size()), error);
  if (error) throw ApiRefusal{400, "the body is not JSON: " + error.message()};
  if (!value.is_object()) throw ApiRefusal{400, "the body is not a JSON object"};
  for (const auto& member : value.get_object()) {
    const std::string_view name(member.key().data(), member.key().size());
    if (std::ranges::find(members, name) == members.end())
      throw ApiRefusal{400, "unknown member " + in_quotes(name)};
  }
  return std::move(value.get_object());
}

const json::value& member_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (!value) throw ApiRefusal{400, "the member " + in_quotes(name) + " is missing"};
  return *value;
}

std::string text_of(const json::object& object, std::string_view name) {
  const auto* text = member_of(object, name).if_string();
  if (!text) throw ApiRefusal{400, "the member " + in_quotes(name) + " is not a string"};
  return {text->data(), text->size()};
}

// False where it is not there.
bool flag_of(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(json::string_view(name.data(), name.size()));
  if (!value) return false;
  if (!value->is_bool())
    throw ApiRefusal{400, "the member " + in_quotes(name) + " is neither true nor false"};
  return value->get_bool();
}

Prefix prefix_of(const json::object& object) {
  const auto text = text_of(object, "prefix");
  const auto prefix = Prefix::parse(text, Prefix::HostBits::kRefuse);
  if (!prefix)
    throw ApiRefusal{422, in_quotes(text) + " is not a prefix, or has bits set behind its length"};
  if (!DynamicTable::kind_of(*prefix))
    throw ApiRefusal{422,
                     "an entry's prefix is an IPv4 /32 or /24, or an IPv6 /128, /64, /56 or "
                     "/48, not " +
                         in_quotes(text)};
  if (prefix->first().unmapped() != prefix->first())
    throw ApiRefusal{422, "an IPv4-mapped address is never on the wire: write " +
                              prefix->first().unmapped().to_string()};
  return *prefix;
}

// A whole number from 1 to `largest`.
uint64_t number_in(const json::value& value, std::string_view name, uint64_t largest) {
  if (!value.is_int64() && !value.is_uint64())
    throw ApiRefusal{400, "the member '" + std::string(name) + "' is not a whole number"};
  const auto* number = value.if_int64();  // what only fits unsigned is out of range
  if (!number || *number < 1 || static_cast<uint64_t>(*number) > largest)
    throw ApiRefusal{422, std::string(name) + (name.ends_with("seconds") ? " are" : " is") +
                              " 1 to " + std::to_string(largest)};
  return static_cast<uint64_t>(*number);
}

// Of a percent-encoded parameter (RFC 3986, section 2.1).
std::string decoded(std::string_view text) {
  const auto digit_of = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
  };
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? digit_of(text[i + 1]) : -1;
    const int low = high >= 0 ? digit_of(text[i + 2]) : -1;
    if (low < 0) throw ApiRefusal{400, in_quotes(text) + " is not percent-encoded"};
    plain.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return plain;
}

// Calls take(name, value) for each parameter; each name that `repeats` does not have may be there
// once.
template <typename Take>
void read_parameters(std::string_view query, std::string_view repeats, const Take& take) {
  std::vector<std::string_view> seen;
  while (!query.empty()) {
    const auto parameter = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), parameter.size() + 1));
    const auto name = parameter.substr(0, parameter.find('='));
    if (name.size() == parameter.size())
      throw ApiRefusal{400, "the parameter " + in_quotes(name) + " has no value"};
    if (name != repeats && std::ranges::find(seen, name) != seen.end())
      throw ApiRefusal{400, "the parameter " + in_quotes(name) + " is there twice"};
    seen.push_back(name);
    if (!take(name, decoded(parameter.substr(name.size() + 1))))
      throw ApiRefusal{400, "unknown parameter " + in_quotes(name)};
  }
}

uint64_t number_from(std::string_view name, std::string_view text, uint64_t least,
                     uint64_t largest) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number < least ||
      number > largest)
    throw ApiRefusal{422, std::string(name) + " is " + std::to_string(least) + " to " +
                              std::to_string(largest) + ", not " + in_quotes(text)};
  return number;
}

IpAddress address_from(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) throw ApiRefusal{422, in_quotes(text) + " is not an address"};
  return address->unmapped();
}

uint64_t reasons_of_fate(std::string_view word) {
  if (word != "stopped" && word != "passed" && word != "all")
    throw ApiRefusal{422, "fate is stopped, passed or all, not " + in_quotes(word)};
  uint64_t reasons = 0;
  for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
    if (word == "all" || kReasonWords[reason].stops == (word == "stopped"))
      reasons |= uint64_t{1} << reason;
  return reasons;
}

uint64_t bit_of_reason(std::string_view word) {
  for (size_t reason = 0; reason < PS_REASON_COUNT; reason++)
    if (kReasonWords[reason].word == word) return uint64_t{1} << reason;
  throw ApiRefusal{422, in_quotes(word) + " is no reason"};
}

}  // namespace

EntryRequest read_entry_request(std::string_view body) {
  const auto object = read_object(body, {"prefix", "action", "reason", "seconds", "learned"});
  const auto action_word = text_of(object, "action");
  const auto& seconds_value = member_of(object, "seconds");
  EntryRequest request{prefix_of(object), Action::DROP, {}, 0, flag_of(object, "learned")};

  const auto action = action_from(action_word);
  if (!action) throw ApiRefusal{422, in_quotes(action_word) + " is no action"};
  request.action = *action;

  if (object.contains("reason")) request.reason = text_of(object, "reason");
  if (request.reason.size() > DynamicTable::kMaxReasonBytes)
    throw ApiRefusal{422, "the reason is longer than " +
                              std::to_string(DynamicTable::kMaxReasonBytes) + " bytes"};

  request.seconds = number_in(seconds_value, "seconds", kMaxEntrySeconds);
  return request;
}

RemovalRequest read_removal_request(std::string_view body) {
  const auto object = read_object(body, {"prefix", "learned"});
  return {prefix_of(object), flag_of(object, "learned")};
}

SnapshotRequest read_snapshot_request(std::string_view body) {
  const auto object = read_object(body, {"path", "confirm_seconds"});
  SnapshotRequest request{text_of(object, "path"), std::nullopt};
  if (!request.path.starts_with('/') || request.path.find('\0') != std::string::npos)
    throw ApiRefusal{422, "the snapshot's path must be absolute, not " + in_quotes(request.path)};
  if (object.contains("confirm_seconds"))
    request.confirm_seconds =
        number_in(member_of(object, "confirm_seconds"), "confirm_seconds", kMaxConfirmSeconds);
  return request;
}

uint64_t read_confirmation(std::string_view body) {
  const auto object = read_object(body, {"generation"});
  return number_in(member_of(object, "generation"), "generation", INT64_MAX);
}

ExplainRequest read_explain_request(std::string_view query) {
  std::optional<IpAddress> address, to;
  read_parameters(query, {}, [&](std::string_view name, const std::string& text) {
    if (name != "address" && name != "to") return false;
    (name == "address" ? address : to) = address_from(text);
    return true;
  });
  if (!address) throw ApiRefusal{400, "the parameter 'address' is missing"};
  return {*address, to};
}

EntriesRequest read_entries_request(std::string_view query) {
  EntriesRequest request;
  bool paged = false;
  read_parameters(query, {}, [&](std::string_view name, const std::string& text) {
    paged = paged || name != "address";
    if (name == "after") {
      request.after = Prefix::parse(text, Prefix::HostBits::kRefuse);
      if (!request.after) throw ApiRefusal{422, in_quotes(text) + " is not a prefix"};
    } else if (name == "limit") {
      request.limit = number_from(name, text, 1, INT64_MAX);
    } else if (name == "address") {
      request.address = address_from(text);
    } else {
      return false;
    }
    return true;
  });
  if (request.address && paged)
    throw ApiRefusal{400, "the parameter 'address' excludes 'after' and 'limit'"};
  return request;
}

SamplesRequest read_samples_request(std::string_view query) {
  SamplesRequest request;
  std::optional<uint64_t> of_fate;
  read_parameters(query, "reason", [&](std::string_view name, const std::string& text) {
    if (name == "reason") {
      request.wish.reasons |= bit_of_reason(text);
    } else if (name == "fate") {
      of_fate = reasons_of_fate(text);
    } else if (name == "every") {
      request.wish.every = static_cast<uint32_t>(number_from(name, text, 1, PS_SAMPLE_MAX_EVERY));
    } else if (name == "after") {
      request.after = number_from(name, text, 0, INT64_MAX);
    } else if (name == "limit") {
      request.limit = number_from(name, text, 1, SamplesRequest::kMaxLimit);
    } else if (name == "wait") {
      request.wait =
          std::chrono::milliseconds(number_from(name, text, 0, SamplesRequest::kMaxWaitMs));
    } else if (name == "bytes" && text == "headers") {
      request.bytes = SamplesRequest::Bytes::kHeaders;
    } else if (name == "bytes") {
      request.bytes = SamplesRequest::Bytes::kAll;
      request.wish.snap = static_cast<uint32_t>(number_from(name, text, 1, PS_SAMPLE_MAX_BYTES));
    } else {
      return false;
    }
    return true;
  });
  if (of_fate && request.wish.reasons != 0)
    throw ApiRefusal{400, "the parameters 'fate' and 'reason' exclude each other"};
  if (request.wish.reasons == 0)
    request.wish.reasons = of_fate.value_or(reasons_of_fate("stopped"));
  return request;
}

}  // namespace postern
