// SPDX-License-Identifier: BSD-3-Clause
//
// HeaderFilter: a message on its way in, byte for byte, less the header fields that its user wants
// gone; and how many Received fields there were (RFC 5321 §6.3). Streaming: holds one field at a
// time, at most kMaxField bytes of it. A longer field is kept unless it is an
// Authentication-Results, which goes: nobody can tell what it claims (RFC 8601 §5).
//
// Fields of our own go on top of what it lets through. A text whose first line is a continuation
// would lengthen the last of them, and readers do not agree on what a NUL in a header means: such a
// text has a fault and must not be sent on. (It cannot be mended either: not a byte is altered.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace postern::smtp {

class HeaderFilter {
 public:
  static constexpr size_t kMaxField = 65536;
  // One whole field, name, continuation lines and line ends included.
  using FieldPredicate = std::function<bool(std::string_view field)>;

  explicit HeaderFilter(FieldPredicate unwanted) : unwanted_(std::move(unwanted)) {}

  // Appends what stays to `kept`.
  void update(std::string_view bytes, std::string& kept);
  // The end of the message, which may have no body.
  void finish(std::string& kept);

  size_t received_count() const noexcept { return received_count_; }
  size_t removed_count() const noexcept { return removed_count_; }
  // What is wrong with the header, for the sender; empty: nothing so far.
  std::string_view fault() const noexcept { return fault_; }

 private:
  enum class Mode : uint8_t { kHold, kPass, kDrop };
  void append(std::string_view bytes, std::string& kept);
  void end_field(std::string& kept);
  void count(std::string_view name);
  void look_for_faults(std::string_view bytes);

  FieldPredicate unwanted_;
  std::string field_;
  Mode mode_ = Mode::kHold;
  std::string_view fault_;
  bool at_beginning_ = true;
  bool at_line_start_ = true;
  bool in_body_ = false;
  size_t received_count_ = 0;
  size_t removed_count_ = 0;
};

}  // namespace postern::smtp
