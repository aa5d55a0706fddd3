// SPDX-License-Identifier: BSD-3-Clause
//
// Reading JSON record by record (rules/lists/json_records.h). The parser is given one line at a
// time, so the line that it has is the place of what it finds: nothing but blanks between values
// may go over the end of a line.
#include "rules/lists/json_records.h"

#include <algorithm>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <limits>

#include "rules/lists/list_lines.h"
#include "rules/text/cursor.h"
#include "rules/text/diagnostic.h"

namespace postern {
namespace {

namespace json = boost::json;
using json::error_code;

// What the parser finds becomes one value at a time: an element, or a member that is no array.
class RecordHandler {
 public:
  static constexpr auto kUnlimited = std::numeric_limits<size_t>::max();
  static constexpr size_t max_object_size = kUnlimited, max_array_size = kUnlimited,
                          max_key_size = kUnlimited, max_string_size = kUnlimited;

  explicit RecordHandler(const std::function<void(const JsonRecord&)>& each) : each_(each) {
    stack_.reset();
  }
  void set_line(uint32_t line) { line_ = line; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }

  bool on_object_begin(error_code&) {
    if (depth_ > 0) begin_record();
    depth_++;
    return true;
  }
  bool on_object_end(size_t members, error_code&) {
    depth_--;
    if (depth_ == 0) return true;
    stack_.push_object(members);
    return end_record();
  }
  bool on_array_begin(error_code& error) {
    if (!need_object(error)) return false;
    if (depth_ == 1)
      in_array_ = true;
    else
      begin_record();
    depth_++;
    return true;
  }
  bool on_array_end(size_t elements, error_code&) {
    depth_--;
    if (depth_ == 1 && in_array_) {
      in_array_ = false;
      return true;
    }
    stack_.push_array(elements);
    return end_record();
  }

  bool on_key_part(json::string_view part, size_t, error_code&) {
    if (depth_ == 1)
      pending_.append(part.data(), part.size());
    else
      stack_.push_chars(part);
    return true;
  }
  bool on_key(json::string_view part, size_t, error_code&) {
    if (depth_ != 1) {
      stack_.push_key(part);
      return true;
    }
    member_ = std::move(pending_);
    member_.append(part.data(), part.size());
    pending_.clear();
    return true;
  }
  bool on_string_part(json::string_view part, size_t, error_code& error) {
    if (!need_object(error)) return false;
    stack_.push_chars(part);
    return true;
  }
  bool on_string(json::string_view part, size_t, error_code& error) {
    return scalar(error, [&] { stack_.push_string(part); });
  }
  bool on_number_part(json::string_view, error_code&) { return true; }
  bool on_int64(int64_t value, json::string_view, error_code& error) {
    return scalar(error, [&] { stack_.push_int64(value); });
  }
  bool on_uint64(uint64_t value, json::string_view, error_code& error) {
    return scalar(error, [&] { stack_.push_uint64(value); });
  }
  bool on_double(double value, json::string_view, error_code& error) {
    return scalar(error, [&] { stack_.push_double(value); });
  }
  bool on_bool(bool value, error_code& error) {
    return scalar(error, [&] { stack_.push_bool(value); });
  }
  bool on_null(error_code& error) {
    return scalar(error, [&] { stack_.push_null(); });
  }
  bool on_comment_part(json::string_view, error_code&) { return true; }
  bool on_comment(json::string_view, error_code&) { return true; }

 private:
  int record_depth() const { return in_array_ ? 2 : 1; }
  bool need_object(error_code& error) const {
    if (depth_ == 0) error = json::error::not_object;
    return depth_ > 0;
  }
  void begin_record() {
    if (depth_ == record_depth()) record_line_ = line_;
  }
  bool end_record() {
    if (depth_ != record_depth()) return true;
    const auto value = stack_.release();
    stack_.reset();
    each_({.member = member_, .element = in_array_, .value = value, .line = record_line_});
    return true;
  }
  template <typename Push>
  bool scalar(error_code& error, Push push) {
    if (!need_object(error)) return false;
    begin_record();
    push();
    return end_record();
  }

  const std::function<void(const JsonRecord&)>& each_;
  json::value_stack stack_;
  std::string member_, pending_;
  uint32_t line_ = 0, record_line_ = 0;
  int depth_ = 0;          // of open objects and arrays
  bool in_array_ = false;  // that is a member of the outermost object
};

json::parse_options options() {
  json::parse_options options;
  options.max_depth = 8;
  return options;
}

}  // namespace

void read_json_records(std::string_view text, const std::string& file,
                       const std::function<void(const JsonRecord&)>& each) {
  json::basic_parser<RecordHandler> parser(options(), each);
  Cursor cursor(text);
  cursor.accept(kByteOrderMark);
  error_code error;
  uint32_t line = 0;
  const auto refuse = [&](const std::string& why) {
    throw BadInput(Diagnostic{.file = file, .line = line, .message = why});
  };
  while (!cursor.at_end()) {
    const auto rest = cursor.rest();
    const auto size = std::min(rest.find('\n'), rest.size() - 1) + 1;
    parser.handler().set_line(++line);
    const auto taken = parser.write_some(true, rest.data(), size, error);
    if (error == json::error::not_object) refuse("is not a JSON object");
    if (error) refuse("is not JSON: " + error.message());
    if (taken != size && !trimmed(rest.substr(taken, size - taken)).empty())
      refuse("something follows the JSON document");
    cursor.take(size);
    if (parser.done()) break;
  }
  if (!parser.done()) {
    parser.write_some(false, "", 0, error);
    if (!parser.done()) refuse("the JSON document has no end; is the file truncated?");
  }
  const auto behind = cursor.rest();
  const auto found = behind.find_first_not_of(" \t\r\n");
  if (found == std::string_view::npos) return;
  line += 1 + static_cast<uint32_t>(
                  std::count(behind.begin(), behind.begin() + static_cast<ptrdiff_t>(found), '\n'));
  refuse("something follows the JSON document");
}

}  // namespace postern
