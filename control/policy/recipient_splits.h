// SPDX-License-Identifier: BSD-3-Clause
//
// RecipientSplits: what is remembered of messages whose recipients are judged by different blocks
// of rules, and differently. One message gets one answer, so it was deferred, and from then on each
// side goes by itself: a transaction takes one side, the others get 452 and come again. The
// strictest have the first turn; after that whoever was passed over has it. What differs once more
// falls apart into its blocks, which cannot. So no recipient waits for ever, whatever becomes of
// the others.
//
// Keyed by sender and block, not by client: the queues of large sites try again from elsewhere.
// Bounded. When it is full the entry that would expire first goes, and as what is forgotten could
// differ again and again, for as long as an entry lives no transaction takes recipients of two
// blocks (crowded()): the table fails towards delay.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "control/policy/expiring_table.h"
#include "control/policy/facts.h"

namespace postern::policy {

// A block that a message has recipients of, and what its rules say of the message.
struct Party {
  std::string_view block;  // MessagePolicy::name_of()
  Disposition disposition;
};

// True where one answer serves all: the same is done, and the same is written on the message.
bool agree(const std::vector<Party>& parties) noexcept;

class RecipientSplits {
 public:
  struct Options {
    size_t capacity = 65'536;      // blocks of senders
    int64_t keep_for = 2 * 86400;  // seconds; longer than queues wait between two attempts
  };
  RecipientSplits();  // as above, with a key that nobody knows
  RecipientSplits(const Options& options, uint64_t hash_key);

  struct Standing {
    uint64_t side = 0;         // the same: of one mind
    bool stands_back = false;  // when it is asked for next, and nobody is taken yet
  };
  // now: Unix seconds, here and below.
  std::optional<Standing> find(std::string_view sender, std::string_view block, int64_t now);
  void set(std::string_view sender, std::string_view block, Standing standing, int64_t now);
  // The parties do not agree. None of them is empty.
  void remember(std::string_view sender, const std::vector<Party>& parties, int64_t now);
  // A recipient of one block was passed over for those that were taken: next time it is not. Who
  // has no side yet gets the one that is given.
  struct Sides {
    uint64_t passed = 0, taken = 0;
  };
  void pass_over(std::string_view sender, std::string_view passed,
                 const std::vector<std::string_view>& taken, Sides strangers, int64_t now);
  Sides new_sides() noexcept { return {.passed = next_side_++, .taken = next_side_++}; }
  bool crowded(int64_t now) const noexcept { return now < crowded_until_; }

  size_t size() const noexcept { return standings_.size(); }

 private:
  uint64_t key_of(std::string_view sender, std::string_view block) const;

  Options options_;
  uint64_t hash_key_;
  ExpiringTable<uint64_t, Standing> standings_;
  uint64_t next_side_ = 1;
  int64_t crowded_until_ = INT64_MIN;
};

}  // namespace postern::policy
