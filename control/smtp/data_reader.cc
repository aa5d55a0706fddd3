// SPDX-License-Identifier: BSD-3-Clause
//
// Five states, one step per octet; runs of plain text are copied at once. Chunks have no beginning
// of a line where a dot would mean anything: there, two of the states do.
#include "control/smtp/data_reader.h"

namespace postern::smtp {

size_t DataReader::consume(std::string_view bytes, std::string& text) {
  size_t taken = 0;
  while (taken < bytes.size() && !done_) {
    if (state_ == State::kText) {
      // Most bytes are here: copy up to the next CR or LF at once.
      size_t run = 0;
      while (taken + run < bytes.size() && bytes[taken + run] != '\r' && bytes[taken + run] != '\n')
        run++;
      text.append(bytes.substr(taken, run));
      line_length_ += run;
      if (line_length_ > max_line_) line_too_long_ = true;
      taken += run;
      if (taken == bytes.size()) break;
    }
    if (++line_length_ > max_line_) line_too_long_ = true;
    step(bytes[taken++], text);
  }
  return taken;
}

void DataReader::step(char c, std::string& text) {
  switch (state_) {
    case State::kLineStart:
      if (c == '.') {
        state_ = State::kDot;
        return;
      }
      break;
    case State::kText:
      break;
    case State::kDot:  // the dot itself is not text
      if (c == '\r') {
        state_ = State::kDotCr;
        return;
      }
      break;
    case State::kCr:
    case State::kDotCr:
      if (c == '\n') {
        done_ = state_ == State::kDotCr;
        if (!done_) end_line(text);
        line_length_ = 0;
        state_ = framing_ == Framing::kDots ? State::kLineStart : State::kText;
        return;
      }
      bare('\r', text);
      if (line_length_ == 0) line_length_ = 1;  // c is on the next line
      break;
  }
  if (c == '\r') {
    state_ = State::kCr;
    return;
  }
  state_ = State::kText;
  if (c == '\n')
    bare(c, text);
  else
    text += c;
}

void DataReader::end_line(std::string& text) {
  text += "\r\n";
  line_length_ = 0;
}

void DataReader::bare(char c, std::string& text) {
  bare_line_end_ = true;
  if (bare_ == BareLineEnds::kNormalise)
    end_line(text);
  else
    text += c;
}

void DataReader::finish(std::string& text) {
  if (state_ == State::kCr) bare('\r', text);
  done_ = true;
}

void DotStuffer::update(std::string_view bytes, std::string& wire) {
  while (!bytes.empty()) {
    if (state_ == State::kLineStart && bytes.front() == '.') wire += '.';
    const size_t newline = bytes.find('\n');
    const auto line = bytes.substr(0, newline == std::string_view::npos ? newline : newline + 1);
    const bool ended = line.ends_with("\r\n") || (line == "\n" && state_ == State::kCr);
    wire += line;
    state_ = ended ? State::kLineStart : line.ends_with('\r') ? State::kCr : State::kText;
    bytes.remove_prefix(line.size());
  }
}

void DotStuffer::finish(std::string& wire) {
  if (state_ != State::kLineStart) wire += "\r\n";
  wire += ".\r\n";
}

}  // namespace postern::smtp
