// SPDX-License-Identifier: BSD-3-Clause
//
// A field is complete when the line after it does not begin with a blank, so one line is always
// held.
#include "control/smtp/header_filter.h"

#include <algorithm>
#include <utility>

namespace postern::smtp {
namespace {

bool is_blank(char c) noexcept {
  return c == ' ' || c == '\t';
}

// The name of a field in lower case, without blanks (RFC 5322 §4.5.8) and without what cannot be
// seen: some reader behind us may overlook it.
std::string name_of(std::string_view field) {
  std::string name;
  for (const char c : field.substr(0, field.find(':'))) {
    if (c <= ' ' || c > '~') continue;
    name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  }
  return name;
}

}  // namespace

void HeaderFilter::update(std::string_view bytes, std::string& kept) {
  while (!bytes.empty()) {
    if (in_body_) {
      kept += bytes;
      return;
    }
    // Only now is it known whether the line before was the last of its field.
    if (at_line_start_ && !is_blank(bytes.front())) end_field(kept);
    const size_t newline = bytes.find('\n');
    const size_t length = newline == std::string_view::npos ? bytes.size() : newline + 1;
    look_for_faults(bytes.substr(0, length));
    append(bytes.substr(0, length), kept);
    bytes.remove_prefix(length);
    at_line_start_ = newline != std::string_view::npos;
    if (at_line_start_ && mode_ == Mode::kHold && (field_ == "\r\n" || field_ == "\n")) {
      kept += std::exchange(field_, {});
      in_body_ = true;
    }
  }
}

void HeaderFilter::finish(std::string& kept) {
  if (!in_body_) end_field(kept);
}

void HeaderFilter::look_for_faults(std::string_view bytes) {
  const bool first = std::exchange(at_beginning_, false);
  if (!fault_.empty()) return;
  if (first && is_blank(bytes.front()))
    fault_ = "the first line begins with a blank, as if it continued another";
  else if (bytes.find('\0') != std::string_view::npos)
    fault_ = "there is a NUL in the header";
}

void HeaderFilter::append(std::string_view bytes, std::string& kept) {
  if (mode_ == Mode::kHold && field_.size() + bytes.size() > kMaxField) {
    // The cut may lie within the name. No name that matters is longer than this.
    constexpr size_t kMaxName = 256;
    const std::string name =
        name_of(field_.substr(0, kMaxName) + std::string(bytes.substr(0, kMaxName)));
    count(name);
    mode_ = name == "authentication-results" ? Mode::kDrop : Mode::kPass;
    if (mode_ == Mode::kDrop) removed_count_++;
    if (mode_ == Mode::kPass) kept += field_;
    field_.clear();
  }
  if (mode_ == Mode::kHold) field_ += bytes;
  if (mode_ == Mode::kPass) kept += bytes;
}

void HeaderFilter::end_field(std::string& kept) {
  if (mode_ == Mode::kHold && !field_.empty()) {
    count(name_of(field_));
    if (unwanted_(field_))
      removed_count_++;
    else
      kept += field_;
  }
  field_.clear();
  mode_ = Mode::kHold;
}

void HeaderFilter::count(std::string_view name) {
  if (name == "received") received_count_++;
}

}  // namespace postern::smtp
