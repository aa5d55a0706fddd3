// SPDX-License-Identifier: BSD-3-Clause
//
// Format juniper: the prefix-lists of a Junos configuration, `prefix-list NAME { 192.0.2.0/24; }`
// at any depth of braces, or as lines `set policy-options prefix-list NAME 192.0.2.0/24`; `#` and
// `/*
// */` comments. The list's name is the value of its entries. What a list has other than prefixes
// (apply-path, apply-groups), and what is inactive or deleted, is named by a remark; the rest of
// the configuration is passed over. A brace that never closes refuses the file.
#include <algorithm>
#include <vector>

#include "rules/address/prefix_text.h"
#include "rules/lists/brace_tokens.h"
#include "rules/lists/formats.h"
#include "rules/lists/list_lines.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

using Words = std::vector<BraceToken>;
constexpr size_t kMaxWords = 16;  // of a statement that are looked at

bool begins_set_line(const BraceToken& token) {
  for (const auto known : {"set", "delete", "deactivate", "activate"})
    if (token.is_word(known)) return true;
  return false;
}

bool is_prefix_list(const BraceToken& token) {
  return token.is_word("prefix-list");
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file, ListContent& content)
      : tokens_(text, "{};[]"), file_(file), content_(content) {}

  void run() {
    Words words;  // since the last statement or brace
    for (auto token = tokens_.next(); token.kind != BraceToken::Kind::kEnd;
         token = tokens_.next()) {
      if (token.kind == BraceToken::Kind::kLineEnd) continue;
      if (open_.empty() && words.empty() && begins_set_line(token)) {
        read_set_line(token);
      } else if (token.is('{')) {
        open(words, token.line);
        words.clear();
      } else if (token.is('}')) {
        close(token.line);
        words.clear();
      } else if (token.is(';')) {
        if (!words.empty()) read_statement(words);
        words.clear();
      } else if (words.size() < kMaxWords) {
        words.push_back(token);
      }
    }
    if (!open_.empty())
      throw BadInput(Diagnostic{.file = file_,
                                .line = open_.back().line,
                                .message = "this brace never closes; is the file truncated?"});
    if (!words.empty())
      content_.skip(file_, words.front().line,
                    quoted(words.front().text) + " begins a statement that has no end");
  }
  uint64_t lists() const { return lists_; }

 private:
  struct Block {
    uint32_t line;
    bool is_list = false;
    std::string name = {};  // of the list
    bool inactive = false;
  };

  void open(const Words& words, uint32_t line) {
    Block block{line, false, {}, !open_.empty() && open_.back().inactive};
    for (const auto& word : words) block.inactive |= word.is_word("inactive:");
    if (words.size() >= 2 && is_prefix_list(words[words.size() - 2])) {
      block.is_list = true;
      block.name = words.back().text;
      lists_++;
      if (block.inactive) remark(line, "prefix-list " + quoted(block.name) + " is inactive");
    }
    open_.push_back(std::move(block));
  }

  void close(uint32_t line) {
    if (open_.empty()) return content_.skip(file_, line, "this brace closes none that is open");
    open_.pop_back();
  }

  // In a list, a prefix; elsewhere none of our business.
  void read_statement(const Words& words) {
    if (open_.empty() || !open_.back().is_list || open_.back().inactive) return;
    if (words.front().is_word("inactive:"))
      return remark(words.front().line, quoted(words.back().text) + " is inactive");
    read_item(words, 0, open_.back().name);
  }

  // "set policy-options prefix-list NAME ITEM", with anything in front of policy-options.
  void read_set_line(const BraceToken& verb) {
    Words words;
    for (auto token = tokens_.peek();
         token.kind != BraceToken::Kind::kLineEnd && token.kind != BraceToken::Kind::kEnd;
         token = tokens_.peek()) {
      tokens_.next();
      if (words.size() < kMaxWords) words.push_back(token);
    }
    const auto list = std::ranges::find_if(words, is_prefix_list);
    const auto at = static_cast<size_t>(list - words.begin());
    const bool defined = at > 0 && at + 1 < words.size() && words[at - 1].is_word("policy-options");
    if (!defined) return;
    lists_++;
    if (!verb.is_word("set"))
      return remark(verb.line, std::string(verb.text) + " prefix-list " +
                                   quoted(words[at + 1].text) + " takes nothing away here");
    if (at + 2 < words.size()) read_item(words, at + 2, std::string(words[at + 1].text));
  }

  void read_item(const Words& words, size_t at, const std::string& list) {
    const auto& item = words[at];
    if (item.text.starts_with("apply-"))
      return remark(item.line, quoted(item.text) + " is known to the router only");
    std::string why;
    const auto prefix = read_prefix(item.text, &why);
    if (!prefix) return content_.skip(file_, item.line, why);
    if (at + 1 < words.size())
      return content_.skip(file_, item.line, quoted(words[at + 1].text) + " follows a prefix");
    content_.add(*prefix, item.line, content_.notes.number_of({.word = list}));
  }

  void remark(uint32_t line, const std::string& what) {
    content_.remark(file_, line, what + ", so it is not read");
  }

  BraceTokens tokens_;
  const std::string& file_;
  ListContent& content_;
  std::vector<Block> open_;
  uint64_t lists_ = 0;  // that there were, whatever was in them
};

class JuniperFormat final : public ListFormat {
 public:
  std::string_view name() const noexcept override { return "juniper"; }
  std::string_view title() const noexcept override {
    return "Junos prefix-lists, in braces or as set lines";
  }

  Fit fit(std::string_view text) const override {
    if (text.find("prefix-list") == std::string_view::npos) return {};
    ListContent content;
    try {
      const std::string file;
      Reader reader(text, file, content);
      reader.run();
      const auto good = reader.lists() + content.size();
      return {.lines = good + content.skipped_count, .read = good};
    } catch (const BadInput&) {
      return {};
    }
  }

  ListContent read(std::string_view text, const ListSource& source) const override {
    ListContent content;
    Reader(text, source.file, content).run();
    return content;
  }
};

}  // namespace

const ListFormat& juniper_format() {
  static const JuniperFormat format;
  return format;
}

}  // namespace postern
