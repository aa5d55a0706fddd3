// SPDX-License-Identifier: BSD-3-Clause
//
// ResultText: the right side of a line of a table, in which $1, ${1} and $(1) stand for what the
// groups of its pattern matched and $$ for a dollar sign (pcre_table(5), "Text substitution").
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace postern::names {

class BadResultText : public std::runtime_error {
 public:
  BadResultText(size_t offset, const std::string& why) : std::runtime_error(why), offset_(offset) {}
  size_t offset() const noexcept { return offset_; }  // in the text

 private:
  size_t offset_;
};

class ResultText {
 public:
  // Throws BadResultText.
  explicit ResultText(std::string_view text);

  // The largest group that is named; 0: none is, and the result is always the same.
  uint32_t groups() const noexcept { return groups_; }
  // Where that one is named, in the text.
  size_t place_of_largest() const noexcept { return place_of_largest_; }
  // group: what a number stands for, 1 to groups().
  std::string expanded(const std::function<std::string_view(uint32_t)>& group) const;
  // As expanded, with nothing in all groups; the result itself when groups() is 0.
  const std::string& literal() const noexcept { return literal_; }

 private:
  struct Part {
    std::string text;    // what stands in front of
    uint32_t group = 0;  // this group; 0: of nothing
  };
  std::vector<Part> parts_;
  std::string literal_;
  uint32_t groups_ = 0;
  size_t place_of_largest_ = 0;
};

}  // namespace postern::names
