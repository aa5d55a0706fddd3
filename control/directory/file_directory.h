// SPDX-License-Identifier: BSD-3-Clause
//
// FileDirectory: a file of recipients (recipient_table.h), whole in memory. It is read again
// without a stop: the next generation is read by a thread of its own and takes the place of this
// one when it is sound; a bad file changes nothing. This directory is never unavailable.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "control/directory/directory.h"
#include "control/directory/recipient_table.h"

namespace postern::directory {

// A file that has lost half of its entries was most likely cut off, and would have their mail
// refused for good.
enum class Shrinking : uint8_t { kRefused, kAllowed };

class FileDirectory : public Directory {
 public:
  // Reads it. Throws BadInput.
  FileDirectory(std::string path, AddressRules rules);

  boost::asio::awaitable<Answer> look_up(std::string address) override;
  // Throws BadInput, or std::runtime_error for a file with less than half the entries that are in
  // force where that is not allowed; the generation in force then stays. The directory outlives it.
  boost::asio::awaitable<void> reload(Shrinking shrinking);

  // Whether a line has the address: what look_up() finds, at once.
  bool has(std::string_view address) const;

  const std::string& path() const noexcept { return path_; }
  uint64_t generation() const noexcept { return generation_; }  // from 1
  const RecipientTable& table() const noexcept { return *table_; }

 private:
  std::string path_;
  AddressRules rules_;
  std::shared_ptr<const RecipientTable> table_;
  uint64_t generation_ = 1;
  std::optional<boost::asio::thread_pool> reader_;  // from the first reload on
};

}  // namespace postern::directory
