// SPDX-License-Identifier: BSD-3-Clause
//
// DirectoryChain: several directories as one, asked in their order. The first that knows an address
// decides; it is unknown only where all say so, and unavailable where one of them might have known.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/directory/directory.h"

namespace postern::directory {

class DirectoryChain : public Directory {
 public:
  // At least one.
  explicit DirectoryChain(std::vector<std::unique_ptr<Directory>> links)
      : links_(std::move(links)) {}

  boost::asio::awaitable<Answer> look_up(std::string address) override {
    Answer result{.presence = Presence::kUnknown};
    for (const auto& link : links_) {
      Answer answer = co_await link->look_up(address);
      // One that fails is told of, whoever knows the address.
      if (result.contact == Contact::kFailed) {
        answer.contact = Contact::kFailed;
        if (answer.presence == Presence::kKnown) answer.detail = result.detail;
      }
      if (answer.presence == Presence::kKnown) co_return answer;
      // What is missing is told rather than what does not know it.
      if (result.presence == Presence::kUnavailable) {
        if (result.contact != Contact::kFailed && answer.contact == Contact::kFailed) {
          result.contact = Contact::kFailed;
          result.detail = std::move(answer.detail);
        }
        continue;
      }
      result = std::move(answer);
    }
    co_return result;
  }

 private:
  std::vector<std::unique_ptr<Directory>> links_;
};

}  // namespace postern::directory
