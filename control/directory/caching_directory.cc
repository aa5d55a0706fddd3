// SPDX-License-Identifier: BSD-3-Clause
//
// The directory behind is asked in the form that is the key, so that equal addresses share one
// answer. Two who ask for the same address at once both ask.
#include "control/directory/caching_directory.h"

#include <utility>

namespace postern::directory {

namespace asio = boost::asio;

CachingDirectory::CachingDirectory(std::unique_ptr<Directory> behind, const CacheOptions& options,
                                   AddressRules rules, Clock clock)
    : behind_(std::move(behind)),
      rules_(std::move(rules)),
      clock_(std::move(clock)),
      cache_(options) {}

asio::awaitable<Answer> CachingDirectory::look_up(std::string address) {
  const auto parsed = MailAddress::parse(address, rules_);
  if (!parsed)
    co_return Answer{.presence = Presence::kUnknown, .source = "form", .detail = "not an address"};
  const std::string key = parsed->text();
  if (auto kept = cache_.find(key, clock_())) {
    hits_++;
    kept->contact = Contact::kNone;
    co_return std::move(*kept);
  }
  misses_++;
  Answer answer = co_await behind_->look_up(key);
  if (answer.presence == Presence::kKnown) {
    cache_.put(key, answer, clock_());
    co_return answer;
  }
  auto kept = cache_.find_stale(key, clock_());
  if (!kept) {
    cache_.put(key, answer, clock_());
    co_return answer;
  }
  if (answer.presence == Presence::kUnknown) {
    doubted_++;
    answer.presence = Presence::kUnavailable;
    answer.detail +=
        answer.detail.empty() ? "it was known not long ago" : ", but it was known not long ago";
    co_return answer;
  }
  stale_++;
  kept->detail = answer.detail;
  kept->contact = answer.contact;
  co_return std::move(*kept);
}

}  // namespace postern::directory
