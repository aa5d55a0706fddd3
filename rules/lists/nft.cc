// SPDX-License-Identifier: BSD-3-Clause
//
// Format nft: sets of nftables, as `nft list set`, `nft list ruleset` and files for `nft -f` have
// them: `set NAME { type ipv4_addr; ... elements = { ... } }` in a table or alone, `elements = {
// ...
// }` alone, and `add element FAMILY TABLE NAME { ... }`. Elements are addresses, prefixes and
// ranges; the set's name is their value, `comment` their text; `expires`, else `timeout`, counts
// from when the file was modified. Maps and sets of other types are named by a remark, and all else
// of a ruleset is passed over. As nft does, bits behind a length are masked away; octets with a
// leading zero, which it reads as octal, and variables ($name), which are not resolved, are bad
// lines. A brace that never closes refuses the file.
#include <unordered_map>

#include "rules/lists/brace_tokens.h"
#include "rules/lists/duration.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/lists/masked_range.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

struct Set {
  std::string name = {};
  bool of_addresses = true;  // so too where no type is said, as far as its elements are
  int64_t timeout = 0;
};

struct Element {
  std::string value;
  uint32_t line;
  std::optional<int64_t> timeout = {}, expires = {};
  std::string comment = {};
  std::string fault = {};
  bool concatenated = false;
};

// What begins a statement that says nothing about sets.
bool is_other_statement(std::string_view word) {
  for (const auto known :
       {"table",     "chain",   "define",     "redefine",   "undefine", "include", "flush",
        "delete",    "destroy", "list",       "rule",       "insert",   "replace", "reset",
        "rename",    "limit",   "quota",      "secmark",    "synproxy", "counter", "ct",
        "flowtable", "meter",   "comment",    "flags",      "type",     "typeof",  "timeout",
        "size",      "policy",  "auto-merge", "gc-interval"})
    if (word == known) return true;
  return false;
}

class Reader {
 public:
  Reader(std::string_view text, const ListSource& source, ListContent& content)
      : tokens_(text, "{};,="), source_(source), content_(content) {}

  void run() {
    std::string table;  // "ip filter", while within one
    uint32_t table_line = 0;
    for (auto token = tokens_.next();; token = tokens_.next()) {
      if (token.kind == BraceToken::Kind::kEnd) break;
      if (token.ends_statement()) continue;
      if (token.is('}') && !table.empty()) {
        table.clear();
      } else if (token.is_word("table")) {
        const auto words = words_to_block();
        if (tokens_.peek().is('{')) table_line = tokens_.next().line, table = words;
      } else {
        read_statement(token, table);
      }
    }
    if (!table.empty()) refuse_unclosed(table_line);
  }

 private:
  void read_statement(BraceToken token, const std::string& table) {
    if (token.is_word("add") || token.is_word("create")) token = tokens_.next();
    if (token.is_word("set")) {
      const auto words = words_to_block();
      if (tokens_.peek().is('{')) read_set(table.empty() ? words : table + ' ' + words);
    } else if (token.is_word("element")) {
      const auto words = words_to_block();
      const auto known = sets_.find(words);
      read_elements(known != sets_.end() ? known->second : Set{.name = last_word(words)});
    } else if (token.is_word("elements")) {
      if (tokens_.peek().is('=')) tokens_.next();
      read_elements({});
    } else if (token.is_word("map")) {
      const auto words = words_to_block();
      remark(token.line, "map " + quoted(last_word(words)) + " is not a set");
      pass_over_statement();
    } else {
      if (token.kind != BraceToken::Kind::kWord || !is_other_statement(token.text))
        content_.skip(source_.file, token.line,
                      quoted(token.text) + " begins no statement of nftables");
      if (token.is('{')) return pass_over_block(token.line);
      if (!token.is('}')) pass_over_statement();
    }
  }

  // The words up to what is none, with single blanks between.
  std::string words_to_block() {
    std::string words;
    while (tokens_.peek().kind == BraceToken::Kind::kWord)
      words.append(words.empty() ? "" : " ").append(tokens_.next().text);
    return words;
  }

  static std::string last_word(const std::string& words) {
    return words.substr(words.rfind(' ') + 1);
  }

  // After the words of `set NAME`. where: "ip filter NAME", as `add element` says it.
  void read_set(const std::string& where) {
    const auto line = tokens_.next().line;
    Set set{.name = last_word(where)};
    for (;;) {
      const auto token = tokens_.next();
      if (token.kind == BraceToken::Kind::kEnd) refuse_unclosed(line);
      if (token.is('}')) break;
      if (token.is_word("type") || token.is_word("typeof")) {
        const auto type = words_to_block();
        set.of_addresses = type == "ipv4_addr" || type == "ipv6_addr" || type == "ip saddr" ||
                           type == "ip daddr" || type == "ip6 saddr" || type == "ip6 daddr";
        if (!set.of_addresses)
          remark(token.line,
                 "set " + quoted(set.name) + " is of type " + quoted(type) + ", not of addresses");
      } else if (token.is_word("timeout")) {
        set.timeout = parse_duration(tokens_.peek().text).value_or(0);
        pass_over_statement();
      } else if (token.is_word("elements") && tokens_.peek().is('=')) {
        tokens_.next();
        read_elements(set);
      } else if (token.is('{')) {
        pass_over_block(token.line);
      }
    }
    sets_.insert_or_assign(where, set);
  }

  // "{ element, element, ... }", over any number of lines.
  void read_elements(const Set& set) {
    const auto open = tokens_.peek();
    if (!open.is('{')) {
      content_.skip(source_.file, open.line, "there are no elements in braces here");
      return pass_over_statement();
    }
    tokens_.next();
    if (!set.of_addresses) return pass_over_block(open.line);
    for (;;) {
      const auto token = tokens_.next();
      if (token.kind == BraceToken::Kind::kEnd) refuse_unclosed(open.line);
      if (token.is('}')) return;
      if (token.is(',') || token.kind == BraceToken::Kind::kLineEnd) continue;
      if (token.is('{'))
        pass_over_block(token.line);
      else
        add(read_element(token), set);
    }
  }

  // One element, without the comma or brace behind it.
  Element read_element(const BraceToken& first) {
    Element element{.value = std::string(first.text), .line = first.line};
    bool in_expression = false;  // "counter packets 0 bytes 0", which may have any words
    for (;;) {
      const auto token = tokens_.peek();
      if (token.is(',') || token.is('}') || token.is('{') || token.kind == BraceToken::Kind::kEnd)
        return element;
      tokens_.next();
      if (token.is_word("timeout"))
        element.timeout = take_duration(element);
      else if (token.is_word("expires"))
        element.expires = take_duration(element);
      else if (token.is_word("comment"))
        element.comment = take_argument();
      else if (token.is_word("."))
        element.concatenated = true;
      else if (token.is_word("-"))
        element.value.append("-").append(take_argument());
      else if (begins_expression(token.text))
        in_expression = true;
      else if (token.kind == BraceToken::Kind::kWord && !in_expression)
        element.fault = quoted(token.text) + " is not an option of an element";
    }
  }
  // Empty where the element ends here.
  std::string_view take_argument() {
    const auto kind = tokens_.peek().kind;
    if (kind != BraceToken::Kind::kWord && kind != BraceToken::Kind::kString) return {};
    return tokens_.next().text;
  }
  int64_t take_duration(Element& element) {
    const auto text = take_argument();
    const auto seconds = parse_duration(text);
    if (!seconds) element.fault = quoted(text) + " is not a duration";
    return seconds.value_or(0);
  }
  static bool begins_expression(std::string_view word) {
    return word == "counter" || word == "limit" || word == "quota" || word == "last";
  }

  void add(const Element& element, const Set& set) {
    if (element.concatenated)
      return remark(element.line, quoted(element.value) + " is part of a concatenation");
    std::string why;
    const auto range = read_masked_range(element.value, &why);
    if (range) why = element.fault;
    if (!why.empty()) return content_.skip(source_.file, element.line, why);
    EntryNote note{.word = set.name, .text = element.comment};
    const auto lasts = element.expires.value_or(element.timeout.value_or(set.timeout));
    if (lasts > 0 || element.expires) note.expires_at = source_.modified_at + lasts;
    content_.add(*range, element.line, content_.notes.number_of(std::move(note)));
  }

  // To the end of the line or behind its `;`, or behind a block. A `}` that ends what is around it
  // stays.
  void pass_over_statement() {
    for (;;) {
      const auto token = tokens_.peek();
      if (token.is('}')) return;
      tokens_.next();
      if (token.is('{')) return pass_over_block(token.line);
      if (token.ends_statement()) return;
    }
  }
  // The brace at `line` has been taken.
  void pass_over_block(uint32_t line) {
    for (size_t depth = 1; depth > 0;) {
      const auto token = tokens_.next();
      if (token.kind == BraceToken::Kind::kEnd) refuse_unclosed(line);
      if (token.is('{')) depth++;
      if (token.is('}')) depth--;
    }
  }

  void remark(uint32_t line, const std::string& what) {
    content_.remark(source_.file, line, what + ", so it is not read");
  }
  [[noreturn]] void refuse_unclosed(uint32_t line) {
    throw BadInput(Diagnostic{.file = source_.file,
                              .line = line,
                              .message = "this brace never closes; is the file truncated?"});
  }

  BraceTokens tokens_;
  const ListSource& source_;
  ListContent& content_;
  std::unordered_map<std::string, Set> sets_;
};

class NftFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "nft"; }
  std::string_view title() const noexcept override {
    return "nftables sets: nft list set, nft list ruleset, add element";
  }

  Fit fit(std::string_view text) const override {
    if (text.find("element") == std::string_view::npos) return {};
    try {
      const auto content = read(text, {});
      return {.lines = content.size() + content.remark_count + content.skipped_count,
              .read = content.size() + content.remark_count};
    } catch (const BadInput&) {
      return {};
    }
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    Reader(text, source, content).run();
    return content;
  }
};

}  // namespace

const ListFormat& nft_format() {
  static const NftFormat format;
  return format;
}

}  // namespace postern
