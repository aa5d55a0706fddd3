// SPDX-License-Identifier: BSD-3-Clause
//
// A reader of address lists that wants exactly one mailbox and only keeps its domain. It takes what
// the obsolete syntax allows where that has one meaning (dots in display names, blanks around the
// dots and the "@" of an address, empty list elements), and octets above 0x7f where RFC 6532 does.
#include "control/auth/author.h"

#include <optional>

#include "control/dns/domain_name.h"
#include "rules/text/cursor.h"

namespace postern::auth {
namespace {

constexpr int kMaxCommentDepth = 32;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
bool is_atom_character(char c) {
  if ((c & 0x80) != 0) return true;
  return c > ' ' && c < 0x7f &&
         std::string_view("()<>[]:;@\\,.\"").find(c) == std::string_view::npos;
}

// The functions that take something return false, or fail the cursor, when it is not there.
class Reader {
 public:
  explicit Reader(std::string_view text) : cursor_(text) {}

  // mailbox-list with exactly one mailbox
  std::optional<std::string> read() {
    skip_space();
    while (cursor_.accept(',')) skip_space();
    std::string domain = take_mailbox();
    skip_space();
    while (cursor_.accept(',')) skip_space();
    if (cursor_.failed() || !cursor_.at_end()) return std::nullopt;
    return domain;
  }

 private:
  // name-addr or addr-spec. Both begin with words and dots; what comes next tells them apart.
  std::string take_mailbox() {
    bool dots_only_between = true;
    bool has_words = false;
    bool has_adjacent_words = false;
    bool after_word = false;
    while (!cursor_.failed()) {
      skip_space();
      const char c = cursor_.peek();
      if (c == '"' || is_atom_character(c)) {
        if (cursor_.at_end()) break;
        take_word();
        has_adjacent_words = has_adjacent_words || after_word;
        has_words = true;
        after_word = true;
      } else if (c == '.') {
        cursor_.take();
        if (!after_word) dots_only_between = false;
        after_word = false;
      } else {
        break;
      }
    }
    if (cursor_.accept('<')) {
      // The phrase may hold anything that was read above; it does not matter.
      skip_space();
      std::string domain = take_address();
      skip_space();
      cursor_.expect(">");
      return domain;
    }
    // What was read is a local part.
    if (!has_words || has_adjacent_words || !dots_only_between || !after_word) cursor_.fail();
    return take_domain();
  }

  // local-part "@" domain
  std::string take_address() {
    take_word();
    skip_space();
    while (cursor_.accept('.')) {
      skip_space();
      take_word();
      skip_space();
    }
    return take_domain();
  }

  // "@" domain; a literal is no domain.
  std::string take_domain() {
    skip_space();
    cursor_.expect("@");
    std::string domain;
    do {
      skip_space();
      const auto atom = cursor_.take_while(is_atom_character);
      if (atom.empty()) cursor_.fail();
      if (!domain.empty()) domain += '.';
      domain += atom;
      skip_space();
    } while (cursor_.accept('.'));
    return domain;
  }

  void take_word() {
    if (cursor_.peek() != '"') {
      if (cursor_.take_while(is_atom_character).empty()) cursor_.fail();
      return;
    }
    cursor_.take();
    while (!cursor_.failed()) {
      const char c = cursor_.take();
      if (c == '"') return;
      if (c == '\\') cursor_.take();
    }
  }

  // CFWS
  void skip_space() {
    while (!cursor_.failed()) {
      cursor_.take_while(is_space);
      if (!cursor_.accept('(')) return;
      for (int depth = 1; depth > 0 && !cursor_.failed();) {
        const char c = cursor_.take();
        if (c == '(' && ++depth > kMaxCommentDepth) cursor_.fail();
        if (c == ')') depth--;
        if (c == '\\') cursor_.take();
      }
    }
  }

  Cursor cursor_;
};

}  // namespace

std::string author_domain_of(std::string_view body) {
  // A NUL ends the text for some readers and not for others.
  if (body.find('\0') != std::string_view::npos) return {};
  const auto domain = Reader(body).read();
  return domain ? dns::to_a_labels(*domain).value_or(std::string()) : std::string();
}

std::string author_domain(const std::vector<HeaderField>& fields) {
  const HeaderField* from = nullptr;
  for (const HeaderField& field : fields) {
    if (!has_name(field, "From")) continue;
    if (from != nullptr) return {};
    from = &field;
  }
  return from == nullptr ? std::string() : author_domain_of(from->body);
}

}  // namespace postern::auth
