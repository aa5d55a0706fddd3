// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of key tables. A line that is wrong is told and passed over, so that one reading tells
// of all of them; nothing of a table with a wrong line is used.
#include "control/auth/signing_rule.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "control/auth/tag_list.h"
#include "control/dns/domain_name.h"
#include "rules/text/cursor.h"
#include "rules/text/diagnostic.h"
#include "rules/text/quoted.h"
#include "rules/text/words.h"

namespace postern::auth {
namespace {

constexpr size_t kMaxErrors = 20;
constexpr int64_t kMinLifetime = 60;
constexpr int64_t kMaxLifetime = 10 * 365 * 86400LL;

std::optional<Canonicalization> read_canonicalization(std::string_view word) {
  if (word == "relaxed") return Canonicalization::kRelaxed;
  if (word == "simple") return Canonicalization::kSimple;
  return std::nullopt;
}

// "7d", "36h": seconds.
std::optional<int64_t> read_lifetime(std::string_view text) {
  constexpr std::array<std::pair<char, int64_t>, 4> kUnits = {
      {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}}};
  if (text.empty()) return std::nullopt;
  const auto unit = std::ranges::find(kUnits, text.back(), &std::pair<char, int64_t>::first);
  if (unit == kUnits.end()) return std::nullopt;
  text.remove_suffix(1);
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (count < 0 || count > kMaxLifetime) return std::nullopt;
  const int64_t seconds = count * unit->second;
  if (seconds < kMinLifetime || seconds > kMaxLifetime) return std::nullopt;
  return seconds;
}

// RFC 5322 §3.6.8, without what a tag list cannot hold.
bool is_field_name(std::string_view name) {
  return !name.empty() && name.size() <= 76 &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != ';'; });
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  std::vector<SigningRule> read() {
    size_t at = 0;
    while (at < text_.size() && errors_.size() < kMaxErrors) {
      const auto end = std::min(text_.find('\n', at), text_.size());
      line_++;
      source_ = text_.substr(at, end - at);
      at = end + 1;
      read_line();
    }
    if (!errors_.empty()) throw BadInput(std::move(errors_));
    return std::move(rules_);
  }

 private:
  // Views into the line.
  void complain(std::string_view where, std::string message) {
    const auto column =
        where.data() == nullptr ? 0 : static_cast<uint32_t>(where.data() - source_.data()) + 1;
    errors_.push_back({.file = file_,
                       .line = line_,
                       .column = column,
                       .message = std::move(message),
                       .source = std::string(source_.substr(0, 1000))});
  }

  void read_line() {
    Cursor cursor(source_);
    const auto domain = take_word(cursor);
    if (domain.empty() || domain.front() == '#') return;
    const auto selector = take_word(cursor);
    const auto key_file = take_word(cursor);
    if (key_file.empty()) return complain(domain, "a line has a domain, a selector and a key file");
    if (rules_.size() == kMaxSigningRules)
      return complain(domain, "more than " + std::to_string(kMaxSigningRules) + " lines");
    SigningRule rule;
    rule.line = line_;
    rule.source = std::string(source_.substr(0, 1000));
    const bool is_fine = read_domain(domain, rule) && read_selector(selector, rule) &&
                         read_key_file(key_file, rule) && read_settings(cursor, rule);
    if (is_fine && is_new(domain, rule)) rules_.push_back(std::move(rule));
  }

  bool read_domain(std::string_view word, SigningRule& rule) {
    auto name = word;
    rule.for_subdomains = name.starts_with("*.");
    if (rule.for_subdomains) name.remove_prefix(2);
    const auto domain = dns::to_a_labels(name);
    // d= has at least two labels (RFC 6376 §3.5, from RFC 5321).
    if (!domain || domain->find('.') == std::string::npos || name.ends_with('.')) {
      complain(word, quoted(word) + " is no domain");
      return false;
    }
    rule.domain = *domain;
    return true;
  }

  bool read_selector(std::string_view word, SigningRule& rule) {
    const auto selector = dns::to_a_labels(word);
    if (!selector || word.ends_with('.')) {
      complain(word, quoted(word) + " is no selector");
      return false;
    }
    rule.selector = *selector;
    if ((rule.selector + "._domainkey." + rule.domain).size() > dns::kMaxNameLength) {
      complain(word, "selector and domain are too long for a name");
      return false;
    }
    return true;
  }

  bool read_key_file(std::string_view word, SigningRule& rule) {
    if (std::ranges::any_of(word, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; })) {
      complain(word, quoted(word) + " is no file name");
      return false;
    }
    rule.key_file = word;
    rule.key_column = static_cast<uint32_t>(word.data() - source_.data()) + 1;
    return true;
  }

  bool read_settings(Cursor& cursor, SigningRule& rule) {
    std::set<std::string_view> said;
    for (auto word = take_word(cursor); !word.empty(); word = take_word(cursor)) {
      const auto equals = word.find('=');
      const auto name = word.substr(0, equals);
      const auto value =
          equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
      if (!said.insert(name).second) {
        complain(word, quoted(name) + " is said twice");
        return false;
      }
      if (!read_setting(word, name, value, rule)) return false;
    }
    return true;
  }

  bool read_setting(std::string_view word, std::string_view name, std::string_view value,
                    SigningRule& rule) {
    if (name == "c") {
      const auto slash = value.find('/');
      const auto header = read_canonicalization(value.substr(0, slash));
      const auto body = slash == std::string_view::npos
                            ? std::nullopt
                            : read_canonicalization(value.substr(slash + 1));
      if (header && body) {
        rule.header = *header;
        rule.body = *body;
        return true;
      }
      complain(word, "c= is relaxed or simple of the header, a slash, and the same of the body");
    } else if (name == "x") {
      rule.lifetime = read_lifetime(value);
      if (rule.lifetime) return true;
      complain(word, "x= is a time such as 36h or 14d, of a minute at least");
    } else if (name == "oversign") {
      if (read_oversigned(value, rule)) return true;
      complain(word, "oversign= is field names with colons between, or none");
    } else {
      complain(word, quoted(word) + " is no setting: c=, x= or oversign=");
    }
    return false;
  }

  static bool read_oversigned(std::string_view value, SigningRule& rule) {
    rule.oversigned.clear();
    if (value == "none") return true;
    for (const auto name : split_colons(value)) {
      if (!is_field_name(name)) return false;
      auto lower = dns::ascii_lower(name);
      if (std::ranges::find(rule.oversigned, lower) != rule.oversigned.end()) return false;
      rule.oversigned.push_back(std::move(lower));
    }
    return rule.oversigned.size() <= 100;
  }

  bool is_new(std::string_view word, const SigningRule& rule) {
    auto& selectors = selectors_[{rule.domain, rule.for_subdomains}];
    if (std::ranges::find(selectors, rule.selector) != selectors.end()) {
      complain(word, "this domain has this selector already");
      return false;
    }
    if (selectors.size() == kMaxSignaturesPerMessage) {
      complain(word, "more than " + std::to_string(kMaxSignaturesPerMessage) +
                         " signatures for one domain");
      return false;
    }
    selectors.push_back(rule.selector);
    return true;
  }

  std::string_view text_;
  const std::string& file_;
  uint32_t line_ = 0;
  std::string_view source_;
  std::vector<SigningRule> rules_;
  std::map<std::pair<std::string, bool>, std::vector<std::string>> selectors_;
  std::vector<Diagnostic> errors_;
};

}  // namespace

std::vector<SigningRule> parse_signing_rules(std::string_view text, const std::string& file) {
  return Reader(text, file).read();
}

}  // namespace postern::auth
