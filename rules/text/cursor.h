// SPDX-License-Identifier: BSD-3-Clause
//
// Cursor: the one way Postern walks over bytes that it did not make. It never reads past the end;
// the first read that would marks it failed, and from then on every read returns empty or zero, so
// that a parser may check once, at its end. It views, it does not own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern {

class Cursor {
 public:
  constexpr explicit Cursor(std::string_view bytes) noexcept : bytes_(bytes) {}

  constexpr bool failed() const noexcept { return failed_; }
  constexpr void fail() noexcept { failed_ = true; }
  constexpr bool at_end() const noexcept { return failed_ || position_ == bytes_.size(); }
  constexpr size_t position() const noexcept { return position_; }
  constexpr std::string_view rest() const noexcept {
    return failed_ ? std::string_view{} : bytes_.substr(position_);
  }

  // The next byte without taking it; 0 at the end (which a NUL byte also is: ask at_end()).
  constexpr char peek() const noexcept { return at_end() ? '\0' : bytes_[position_]; }

  constexpr char take() noexcept {
    if (at_end()) {
      failed_ = true;
      return '\0';
    }
    return bytes_[position_++];
  }
  constexpr std::string_view take(size_t count) noexcept {
    if (failed_ || bytes_.size() - position_ < count) {
      failed_ = true;
      return {};
    }
    const auto taken = bytes_.substr(position_, count);
    position_ += count;
    return taken;
  }
  // Takes it if it comes next; otherwise nothing happens.
  constexpr bool accept(std::string_view expected) noexcept {
    if (!rest().starts_with(expected)) return false;
    position_ += expected.size();
    return true;
  }
  constexpr bool accept(char expected) noexcept { return accept(std::string_view(&expected, 1)); }
  // Fails unless it comes next.
  constexpr void expect(std::string_view expected) noexcept {
    if (!accept(expected)) failed_ = true;
  }
  template <typename Predicate>
  constexpr std::string_view take_while(Predicate predicate) noexcept {
    const auto all = rest();
    size_t count = 0;
    while (count < all.size() && predicate(all[count])) count++;
    return take(count);
  }
  // Up to `end`, which is taken too but not returned; all the rest where there is none.
  constexpr std::string_view take_until(char end) noexcept {
    const auto all = rest();
    const auto found = all.find(end);
    if (found == std::string_view::npos) return take(all.size());
    const auto taken = take(found);
    position_++;
    return taken;
  }

 private:
  std::string_view bytes_;
  size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace postern
