// SPDX-License-Identifier: BSD-3-Clause
//
// Taking a line of a policy apart (rules/policy/statement.h).
#include "rules/policy/statement.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "rules/address/prefix_text.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxName = 63;

bool is_name(std::string_view text) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto follows = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !text.empty() && text.size() <= kMaxName && is_letter(text.front()) &&
         std::all_of(text.begin(), text.end(), follows);
}

// The whole text as a number; nullopt when any of it is not.
template <typename Number>
std::optional<Number> number_of(std::string_view text) noexcept {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Decimal digits with at most one point between: no sign, no exponent, no "inf".
std::optional<double> decimal_of(std::string_view text) noexcept {
  const auto is_part = [](char c) { return (c >= '0' && c <= '9') || c == '.'; };
  if (text.size() > 12 || !std::all_of(text.begin(), text.end(), is_part)) return std::nullopt;
  if (text.starts_with('.') || text.ends_with('.')) return std::nullopt;
  return number_of<double>(text);
}

// Words of the design that are not built yet. Whoever writes one has read about it somewhere, and
// is better served by this than by "expected".
bool is_known_later(const Token& token) noexcept {
  constexpr std::string_view kWords[] = {"authenticated", "beyond", "dmarc", "dmarc-policy",
                                         "greylist",      "helo",   "rdns",  "lookalike",
                                         "spf",           "tls"};
  return token.kind == Token::Kind::kWord &&
         std::find(std::begin(kWords), std::end(kWords), token.text) != std::end(kWords);
}

}  // namespace

std::string listed(std::initializer_list<std::string_view> words) {
  std::string text;
  size_t left = words.size();
  for (const auto word : words) {
    text += word;
    left--;
    if (left > 0) text += left == 1 ? " or " : ", ";
  }
  return text;
}

Statement::Statement(std::string_view line, const PolicyPlace& place)
    : source_(line), place_(place), tokens_(tokenize(line)) {}

const Token& Statement::take() noexcept {
  const auto& token = tokens_[next_];
  if (token.kind != Token::Kind::kEnd) next_++;
  return token;
}

bool Statement::accept(std::string_view word) noexcept {
  if (!peek().is_word(word)) return false;
  take();
  return true;
}

bool Statement::accept_operator(std::string_view op) noexcept {
  if (!peek().is_operator(op)) return false;
  take();
  return true;
}

void Statement::fail_here(std::string_view wanted) const {
  if (peek().kind == Token::Kind::kFault) throw Complaint{peek().column, std::string(peek().text)};
  if (is_known_later(peek()))
    throw Complaint{peek().column,
                    quoted(peek().text) + " is not known to this version of Postern"};
  std::string message = "expected ";
  message += wanted;
  if (at_end())
    message += ", but the line ends";
  else
    message += ", not " + quoted(peek().text);
  throw Complaint{peek().column, std::move(message)};
}

void Statement::fail_at(const Token& token, std::string message) const {
  throw Complaint{token.column, std::move(message)};
}

std::string Statement::expect_name(std::string_view what) {
  if (peek().kind != Token::Kind::kWord) fail_here(what);
  if (!is_name(peek().text))
    fail_at(peek(), quoted(peek().text) +
                        " is not a name: a letter, then letters, digits, - and _, at most 63");
  return std::string(take().text);
}

std::string Statement::expect_string(std::string_view what) {
  if (peek().kind != Token::Kind::kString) fail_here(std::string(what) + " in double quotes");
  if (peek().text.empty()) fail_at(peek(), std::string(what) + " is empty");
  return std::string(take().text);
}

std::string Statement::expect_pattern() {
  if (peek().kind != Token::Kind::kPattern) fail_here("a pattern between slashes");
  if (peek().text.empty()) fail_at(peek(), "the pattern is empty");
  return std::string(take().text);
}

void Statement::expect(std::string_view word) {
  if (!accept(word)) fail_here(quoted(word));
}

void Statement::expect_end() {
  if (!at_end()) fail_here("the end of the line");
}

Prefix Statement::expect_prefix() {
  const auto& token = peek();
  if (token.kind != Token::Kind::kWord) fail_here("an address or a prefix");
  std::string why;
  const auto prefix = read_prefix(token.text, &why);
  if (!prefix) fail_at(token, why);
  take();
  return *prefix;
}

uint16_t Statement::expect_port() {
  const auto port = number_of<uint16_t>(peek().text);
  if (peek().kind != Token::Kind::kWord || !port || *port == 0) fail_here("a port from 1 to 65535");
  take();
  return *port;
}

VlanRange Statement::expect_vlan() {
  const auto vlan = VlanRange::parse(peek().text);
  if (peek().kind != Token::Kind::kWord || !vlan)
    fail_here("a VLAN from 1 to 4094, an outer and an inner one such as 100.7, or \"none\"");
  take();
  return *vlan;
}

std::chrono::seconds Statement::expect_duration() {
  constexpr std::string_view kWanted = "a duration such as 12h or 7d (units s, m, h, d, w)";
  constexpr std::chrono::seconds kLongest = std::chrono::days(3650);
  const auto& token = peek();
  if (token.kind != Token::Kind::kWord || token.text.size() < 2) fail_here(kWanted);
  const auto count = number_of<uint32_t>(token.text.substr(0, token.text.size() - 1));
  std::chrono::seconds unit{};
  switch (token.text.back()) {
    case 's':
      unit = std::chrono::seconds(1);
      break;
    case 'm':
      unit = std::chrono::minutes(1);
      break;
    case 'h':
      unit = std::chrono::hours(1);
      break;
    case 'd':
      unit = std::chrono::days(1);
      break;
    case 'w':
      unit = std::chrono::weeks(1);
      break;
    default:
      fail_here(kWanted);
  }
  if (!count) fail_here(kWanted);
  const auto duration = *count * unit;
  if (*count == 0 || duration > kLongest)
    fail_at(token, "a duration is more than nothing and at most ten years (3650d)");
  take();
  return duration;
}

double Statement::expect_percent() {
  const auto& token = peek();
  if (token.kind != Token::Kind::kWord || !token.text.ends_with('%'))
    fail_here("a percentage such as 50%");
  const auto percent = decimal_of(token.text.substr(0, token.text.size() - 1));
  if (!percent) fail_here("a percentage such as 50%");
  if (*percent <= 0 || *percent > 10000) fail_at(token, "a change is above 0% and at most 10000%");
  take();
  return *percent / 100;
}

double Statement::expect_share() {
  const auto& token = peek();
  const auto share = expect_percent();
  if (share > 1) fail_at(token, "a share is at most 100%");
  return share;
}

int Statement::expect_integer(int least, int most) {
  const auto number = number_of<int>(peek().text);
  if (peek().kind != Token::Kind::kWord || !number || *number < least || *number > most)
    fail_here("a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  take();
  return *number;
}

double Statement::expect_number() {
  const auto number = decimal_of(peek().text);
  if (peek().kind != Token::Kind::kWord || !number) fail_here("a number");
  take();
  return *number;
}

int Statement::expect_prefix_length(Family family) {
  const auto text = peek().text;
  const auto wanted = [&] {
    return "a prefix length from /1 to /" + std::to_string(bits_of(family));
  };
  if (peek().kind != Token::Kind::kWord || !text.starts_with('/')) fail_here(wanted());
  const auto length = number_of<int>(text.substr(1));
  if (!length || *length < 1 || *length > bits_of(family)) fail_here(wanted());
  take();
  return *length;
}

uint64_t Statement::expect_bytes() {
  constexpr std::string_view kWanted = "a size such as 500K or 50M (units K, M, G), at most 1G";
  auto text = peek().text;
  if (peek().kind != Token::Kind::kWord || text.empty()) fail_here(kWanted);
  int shift = 0;
  for (const auto& [unit, bits] : {std::pair('K', 10), std::pair('M', 20), std::pair('G', 30)})
    if (text.back() == unit) shift = bits;
  if (shift > 0) text.remove_suffix(1);
  const auto count = number_of<uint64_t>(text);
  if (!count || *count == 0 || *count > (uint64_t{1} << 30 >> shift)) fail_here(kWanted);
  take();
  return *count << shift;
}

double Statement::expect_score() {
  const auto score = decimal_of(peek().text);
  if (peek().kind != Token::Kind::kWord || !score || *score > 1) fail_here("a score from 0 to 1");
  take();
  return *score;
}

Comparison Statement::expect_comparison() {
  constexpr std::pair<std::string_view, Comparison> kComparisons[] = {
      {"=", Comparison::kEqual},   {"!=", Comparison::kNotEqual},
      {"<", Comparison::kLess},    {"<=", Comparison::kLessEqual},
      {">", Comparison::kGreater}, {">=", Comparison::kGreaterEqual}};
  for (const auto& [op, comparison] : kComparisons)
    if (accept_operator(op)) return comparison;
  fail_here("one of = != < <= > >=");
}

Comparison Statement::expect_equality() {
  if (accept_operator("=")) return Comparison::kEqual;
  if (accept_operator("!=")) return Comparison::kNotEqual;
  fail_here("= or !=");
}

std::string Statement::text() const {
  std::string folded;
  size_t end = 0;  // of the token before
  for (const auto& token : tokens_) {
    if (token.kind == Token::Kind::kEnd) break;
    const size_t start = token.column - 1;
    if (!folded.empty() && start > end) folded += ' ';
    folded += source_.substr(start, token.bytes);
    end = start + token.bytes;
  }
  return folded;
}

}  // namespace postern
