// SPDX-License-Identifier: BSD-3-Clause
//
// World: the rules that the packet tests are judged by, written down so plainly that what is right
// can be read off it: lists of prefixes, the longest match wins. One world, kWorld, serves the
// whole corpus. WorldImage turns it into the bytes of rules/abi/snapshot_format.h, by inserting
// prefixes into a 256-way tree; it shares no code with rules/compile.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dataplane/core/cookie.h"
#include "dataplane/core/dynamic.h"
#include "dataplane/core/limit.h"
#include "dataplane/engine/dynamic_table.h"
#include "rules/abi/lookup.h"
#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern::packets {

struct World {
  struct Source {
    Prefix prefix;
    uint32_t address_class;
  };
  struct Destination {
    Prefix prefix;
    std::vector<ps_service> services;
  };
  std::vector<Source> sources;
  std::vector<Destination> destinations;
  // Frames of certain tags, of which the first zone that fits has all that their destinations are.
  struct Zone {
    uint16_t outer;                 // 0: without tags
    std::optional<uint16_t> inner;  // unset: any, or none
    std::vector<Destination> destinations;
  };
  std::vector<Zone> zones;
  std::vector<std::vector<ps_verdict>> matrix;  // [policy][class]
  std::vector<ps_outbound> outbound;            // [class]
  std::vector<ps_limit> limits;                 // [0] is none
  // [0] is none. "%a" stands for the client's address, "%d" for a literal of the one it spoke to.
  std::vector<std::string> texts;
  uint32_t features = 0;  // PS_FEATURE_*
  std::vector<DynamicEntry> entries;
  ps_cookie_keys cookies{};
};

// The time at which the corpus plays, unless a case says otherwise.
inline constexpr uint64_t kNow = 1'000'000'000'000;

const World& corpus_world();

class WorldImage {
 public:
  explicit WorldImage(const World& world);
  const std::vector<ps_block>& blocks() const noexcept { return blocks_; }  // whole chunks
  std::span<const std::byte> bytes() const noexcept { return std::as_bytes(std::span(blocks_)); }
  ps_image image() const noexcept {
    return {blocks_.data(), static_cast<uint32_t>(blocks_.size())};
  }
  // Of the matrix.
  size_t cells() const noexcept {
    const auto& header = *reinterpret_cast<const ps_snapshot_header*>(blocks_.data());
    return size_t{header.policy_count} * header.class_count;
  }

 private:
  std::vector<ps_block> blocks_;
};

// The world's dynamic entries, written by the real writer into memory of 2^buckets_log2 buckets.
class WorldEntries {
 public:
  explicit WorldEntries(const World& world, uint32_t buckets_log2 = 6);
  ps_dynamic table() const noexcept {
    return ps_dynamic_of(memory_.data(), static_cast<uint32_t>(memory_.size()));
  }

 private:
  std::vector<ps_dynamic_bucket> memory_;
};

// Room for the sources that limits are held to, as an engine has it.
class WorldLimits {
 public:
  WorldLimits();
  ps_limits table() noexcept { return {memory_.data(), static_cast<uint32_t>(memory_.size())}; }

 private:
  std::vector<ps_limit_bucket> memory_;
};

void add_entries(const World& world, DynamicTable& table);

}  // namespace postern::packets
