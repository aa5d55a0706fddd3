// SPDX-License-Identifier: BSD-3-Clause
//
// CachingDirectory: a cache in front of a directory that is slow or may fail. While that one is
// unavailable, addresses that it knew not long ago stay known; nobody becomes unknown by age.
// Where it denies an address that it knew not long ago, that may be a mailbox that was removed or a
// directory that lost a part of itself: such an answer is none (unavailable) until the old one has
// gone from the cache, so that the farm decides.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "control/directory/answer_cache.h"
#include "control/directory/directory.h"
#include "control/directory/mail_address.h"

namespace postern::directory {

class CachingDirectory : public Directory {
 public:
  using Clock = std::function<AnswerCache::Time()>;

  CachingDirectory(std::unique_ptr<Directory> behind, const CacheOptions& options,
                   AddressRules rules, Clock clock = std::chrono::steady_clock::now);

  boost::asio::awaitable<Answer> look_up(std::string address) override;

  const AnswerCache& cache() const noexcept { return cache_; }
  uint64_t hits() const noexcept { return hits_; }
  uint64_t misses() const noexcept { return misses_; }
  uint64_t stale() const noexcept { return stale_; }      // answers beyond their time
  uint64_t doubted() const noexcept { return doubted_; }  // known not long ago, and denied

 private:
  std::unique_ptr<Directory> behind_;
  AddressRules rules_;
  Clock clock_;
  AnswerCache cache_;
  uint64_t hits_ = 0, misses_ = 0, stale_ = 0, doubted_ = 0;
};

}  // namespace postern::directory
