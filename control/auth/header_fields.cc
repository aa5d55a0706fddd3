// SPDX-License-Identifier: BSD-3-Clause
//
// Splitting a header into fields, and finding its end in a stream that is cut anywhere.
#include "control/auth/header_fields.h"

#include <algorithm>

#include "control/dns/domain_name.h"

namespace postern::auth {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

HeaderField field_of(std::string_view raw) {
  HeaderField field{raw, {}, {}};
  const auto colon = raw.find(':');
  if (colon == std::string_view::npos) return field;
  auto name = raw.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  field.body = raw.substr(colon + 1);
  const bool is_sound =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
  if (is_sound) field.name = name;  // RFC 5322 §3.6.8: printable, no colon
  return field;
}

}  // namespace

std::vector<HeaderField> split_header_fields(std::string_view header) {
  std::vector<HeaderField> fields;
  size_t start = 0;
  for (size_t search = 0; start < header.size();) {
    const auto end = header.find("\r\n", search);
    if (end == std::string_view::npos) {
      fields.push_back(field_of(header.substr(start)));
      break;
    }
    search = end + 2;
    if (search < header.size() && is_blank(header[search])) continue;
    fields.push_back(field_of(header.substr(start, end - start)));
    start = search;
  }
  return fields;
}

bool has_name(const HeaderField& field, std::string_view name) noexcept {
  return dns::equals_ignoring_case(field.name, name);
}

size_t HeaderReader::update(std::string_view bytes) {
  size_t taken = 0;
  while (taken < bytes.size() && !at_body_) {
    const char c = bytes[taken++];
    if (c == '\r') {
      line_end_ = line_end_ == 2 ? 3 : 1;
    } else if (c == '\n' && (line_end_ == 1 || line_end_ == 3)) {
      at_body_ = line_end_ == 3;
      line_end_ = 2;
    } else {
      line_end_ = 0;
      // Inside a line only a CR can end it.
      const auto next = std::min(bytes.find('\r', taken), bytes.size());
      taken = next;
    }
  }
  const size_t room = kMaxHeaderLength - bytes_.size();
  bytes_.append(bytes.substr(0, std::min(taken, room)));
  if (taken > room) overflowed_ = true;
  return taken;
}

void HeaderReader::finish() {
  at_body_ = true;
  std::string_view header = bytes_;
  if (header.ends_with("\r\n\r\n") || header == "\r\n") header.remove_suffix(2);
  fields_ = split_header_fields(header);
  if (overflowed_ && !fields_.empty()) fields_.pop_back();  // cut somewhere inside
  if (fields_.size() > kMaxHeaderFields) {
    fields_.resize(kMaxHeaderFields);
    overflowed_ = true;
  }
}

}  // namespace postern::auth
