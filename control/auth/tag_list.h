// SPDX-License-Identifier: BSD-3-Clause
//
// Tag lists, "v=1; a=rsa-sha256; ...", the syntax that DKIM-Signature fields and key records share
// (RFC 6376 §3.2), read strictly: a name that stands twice or a value with a forbidden character
// makes the whole list unreadable. Octets above 0x7f are allowed in values (RFC 8616 §3), when they
// are UTF-8.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::auth {

constexpr size_t kMaxTags = 64;

// Views into the text that was parsed.
struct Tag {
  std::string_view name;   // case matters
  std::string_view value;  // without the blanks around it, but with those inside
  // All between "=" and ";" (or the end), as offsets into the text: what is taken out of a
  // DKIM-Signature field before it is hashed (RFC 6376 §3.7).
  size_t value_begin = 0;
  size_t value_end = 0;
};

struct TagList {
  std::vector<Tag> tags;  // in their order
  std::string error;      // not empty: unreadable, and this is why; the tags before it are there

  const Tag* find(std::string_view name) const noexcept;
};

TagList parse_tag_list(std::string_view text);

// The value without any blanks and line ends, as lists and base64 want it.
std::string without_folding_space(std::string_view value);

// RFC 4648 §4, padding required, blanks and line ends ignored (RFC 6376 §2.10). nullopt when it is
// not base64.
std::optional<std::string> decode_base64(std::string_view text);

std::string encode_base64(std::string_view octets);  // with padding, in one line

// "a:b : c" -> {"a", "b", "c"}, blanks around the parts removed.
std::vector<std::string_view> split_colons(std::string_view value);

bool is_utf8(std::string_view text) noexcept;  // RFC 3629: shortest form, no surrogates

}  // namespace postern::auth
