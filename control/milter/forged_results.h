// SPDX-License-Identifier: BSD-3-Clause
//
// ForgedResults: which fields of a message are Authentication-Results that claim to be ours (RFC
// 8601 §5), as the milter protocol names a field: by its name and its number among the fields of
// that name. Bounded: beyond kMaxFields fields that could be results it overflows, and the message
// must not be accepted, as not all of them could be removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::milter {

struct FieldPlace {
  std::string name;    // as the mail server gave it
  uint32_t index = 1;  // the first field of that name, in any case, has 1
  bool operator==(const FieldPlace&) const = default;
};

class ForgedResults {
 public:
  static constexpr size_t kMaxFields = 1000;

  explicit ForgedResults(std::string authserv_id) : authserv_id_(std::move(authserv_id)) {}

  // Fields in the order of the message. name: as the mail server gave it; field: the whole of it.
  void add(std::string_view name, std::string_view field);

  // In the order of the message.
  const std::vector<FieldPlace>& places() const noexcept { return places_; }
  bool overflowed() const noexcept { return overflowed_; }

 private:
  std::string authserv_id_;
  std::map<std::string, uint32_t> counts_;  // by name in lower case; only names that can be read so
  std::vector<FieldPlace> places_;
  size_t fields_ = 0;
  bool overflowed_ = false;
};

}  // namespace postern::milter
