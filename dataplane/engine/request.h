// SPDX-License-Identifier: BSD-3-Clause
//
// The bodies and queries that the management API takes, read into types: JSON objects with exactly
// the members, and queries with exactly the parameters, that docs/management-api.md names. An
// unknown one is refused, so that a typing error cannot silently become a default. Boost.JSON
// bounds the nesting; the transport bounds the size.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/engine/sample_feed.h"
#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern {

// Why a request is refused: the HTTP status and one line.
struct ApiRefusal {
  unsigned status;
  std::string line;
};

inline constexpr uint64_t kMaxEntrySeconds = 31'536'000;  // a year
inline constexpr uint64_t kMaxConfirmSeconds = 86'400;    // a day

// POST /v1/entries
struct EntryRequest {
  Prefix prefix;  // a length that entries may have
  Action action;
  std::string reason;  // empty where none is given
  uint64_t seconds;    // 1..kMaxEntrySeconds
  bool learned;        // false where it is not said
};
// All of these throw ApiRefusal: 400 when the body is not of the shape, 422 when a value cannot be.
EntryRequest read_entry_request(std::string_view body);
// DELETE /v1/entries
struct RemovalRequest {
  Prefix prefix;  // likewise
  bool learned;
};
RemovalRequest read_removal_request(std::string_view body);
// PUT /v1/snapshot
struct SnapshotRequest {
  std::string path;  // absolute
  // Rules that are not confirmed within so long fall back; 1..kMaxConfirmSeconds.
  std::optional<uint64_t> confirm_seconds;
};
SnapshotRequest read_snapshot_request(std::string_view body);
// POST /v1/snapshot/confirm: the generation.
uint64_t read_confirmation(std::string_view body);
// GET /v1/explain?address=A&to=B: of the text behind the `?`. An IPv4-mapped address is the IPv4
// one.
struct ExplainRequest {
  IpAddress address;
  std::optional<IpAddress> to;
};
ExplainRequest read_explain_request(std::string_view query);
// GET /v1/entries?after=P&limit=N, or ?address=A
struct EntriesRequest {
  std::optional<Prefix> after;  // those behind it, in the order of prefixes; null: from the first
  size_t limit = SIZE_MAX;
  std::optional<IpAddress> address;  // only those that cover it
};
EntriesRequest read_entries_request(std::string_view query);
// GET /v1/samples?...
struct SamplesRequest {
  static constexpr size_t kMaxLimit = 250;
  static constexpr uint64_t kMaxWaitMs = 20'000;
  enum class Bytes { kNone, kHeaders, kAll };  // of each frame; kAll: up to wish.snap
  SampleWish wish;                             // by default of all that is stopped
  Bytes bytes = Bytes::kNone;
  std::optional<uint64_t> after;
  size_t limit = kMaxLimit;
  std::chrono::milliseconds wait{0};  // for the first sample, where there is none
};
SamplesRequest read_samples_request(std::string_view query);

}  // namespace postern
