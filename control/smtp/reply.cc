// SPDX-License-Identifier: BSD-3-Clause
//
// Reading is strict about codes and separators and lenient about line ends: the farm is ours.
#include "control/smtp/reply.h"

#include <algorithm>

namespace postern::smtp {
namespace {

char printable(char c) noexcept {
  return (c >= ' ' && c <= '~') || c == '\t' ? c : '?';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

}  // namespace

std::string Reply::wire() const {
  std::string text;
  const std::string number = std::to_string(code);
  for (size_t i = 0; i < lines.size(); i++) {
    text += number;
    text += i + 1 < lines.size() ? '-' : ' ';
    text += lines[i];
    text += "\r\n";
  }
  return text;
}

std::string Reply::one_line() const {
  std::string text = std::to_string(code);
  for (size_t i = 0; i < lines.size(); i++) {
    text += i == 0 ? " " : " / ";
    text += lines[i];
  }
  return text;
}

Reply make_reply(int code, std::string_view enhanced, std::string_view text) {
  Reply reply{.code = code, .lines = {}};
  for (;;) {
    const size_t end = text.find('\n');
    std::string line(enhanced);
    if (!enhanced.empty()) line += ' ';
    for (const char c : text.substr(0, end)) line += printable(c);
    reply.lines.push_back(std::move(line));
    if (end == std::string_view::npos) return reply;
    text.remove_prefix(end + 1);
  }
}

void ReplyReader::receive(std::string_view bytes) {
  if (!broken_) input_ += bytes;
}

std::optional<Reply> ReplyReader::next() {
  size_t begin = 0;
  std::optional<Reply> complete;
  while (!broken_ && !complete) {
    const size_t end = input_.find('\n', begin);
    const size_t length = (end == std::string::npos ? input_.size() : end) - begin;
    if (length > kMaxLine) broken_ = true;
    if (broken_ || end == std::string::npos) break;
    std::string_view line(input_.data() + begin, length);
    if (line.ends_with('\r')) line.remove_suffix(1);
    begin = end + 1;
    if (take_line(line)) {
      complete = std::move(partial_);
      partial_ = Reply{};
    }
  }
  input_.erase(0, broken_ ? input_.size() : begin);
  return complete;
}

bool ReplyReader::take_line(std::string_view line) {
  const bool has_code = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && is_digit(line[1]) &&
                        is_digit(line[2]);
  const char separator = line.size() > 3 ? line[3] : ' ';
  if (!has_code || (separator != ' ' && separator != '-')) {
    broken_ = true;
    return false;
  }
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  if (!partial_.lines.empty() && code != partial_.code) broken_ = true;
  if (partial_.lines.size() >= kMaxLines) broken_ = true;
  if (broken_) return false;
  partial_.code = code;
  std::string text(line.substr(std::min<size_t>(4, line.size())));
  std::transform(text.begin(), text.end(), text.begin(), printable);
  partial_.lines.push_back(std::move(text));
  return separator == ' ';
}

}  // namespace postern::smtp
