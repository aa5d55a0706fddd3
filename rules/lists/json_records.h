// SPDX-License-Identifier: BSD-3-Clause
//
// The records of a list that is one JSON document: an object whose members are arrays of records,
// and values about them. Each record comes with the line at which it begins, which a parser of
// whole documents could not tell. Limits: 8 levels deep, one record in memory at a time.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace postern {

struct JsonRecord {
  std::string_view member;  // of the outermost object, which the value is, or is in
  bool element;             // one element of an array; otherwise the member as a whole
  const boost::json::value& value;
  uint32_t line;  // 1-based
};

// Calls `each` for the elements of members that are arrays, and for all other members. Throws
// BadInput when the text is no such document; what came before the damage has been told by then.
void read_json_records(std::string_view text, const std::string& file,
                       const std::function<void(const JsonRecord&)>& each);

}  // namespace postern
