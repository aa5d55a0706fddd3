// SPDX-License-Identifier: BSD-3-Clause
//
// The reader of master files (RFC 1035 §5.1): first tokens, which know where they stand and whether
// they were quoted, then entries of tokens. Parentheses join lines, a semicolon opens a comment, a
// line that begins with a blank repeats the last owner.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <vector>

#include "control/dns/domain_name.h"
#include "control/dns/master_file.h"
#include "rules/address/address.h"
#include "rules/text/cursor.h"
#include "rules/text/diagnostic.h"

namespace postern::dns {
namespace {

struct Token {
  std::string text;  // escapes decoded where it was quoted; raw otherwise
  bool is_quoted = false;
  uint32_t line = 0;
  uint32_t column = 0;
};

struct Entry {
  bool has_owner = false;  // the line did not begin with a blank
  std::vector<Token> tokens;
};

constexpr size_t kMaxTextLength = 65535;  // RDLENGTH is 16 bits wide

// Types that exist, but that nothing here asks for: their records are passed over.
constexpr std::string_view kIgnoredTypes[] = {
    "AFSDB",      "APL",    "CAA",   "CDNSKEY", "CDS",    "CERT",  "CSYNC", "DHCID",
    "DNAME",      "DNSKEY", "DS",    "EUI48",   "EUI64",  "HINFO", "HIP",   "HTTPS",
    "IPSECKEY",   "KEY",    "KX",    "LOC",     "NAPTR",  "NSEC",  "NSEC3", "NSEC3PARAM",
    "OPENPGPKEY", "RP",     "RRSIG", "SIG",     "SMIMEA", "SOA",   "SPF",   "SRV",
    "SSHFP",      "SVCB",   "TLSA",  "URI",     "ZONEMD"};

std::optional<RecordType> known_type(std::string_view text) {
  constexpr std::pair<std::string_view, RecordType> kTypes[] = {
      {"A", RecordType::kA},      {"NS", RecordType::kNs}, {"CNAME", RecordType::kCname},
      {"PTR", RecordType::kPtr},  {"MX", RecordType::kMx}, {"TXT", RecordType::kTxt},
      {"AAAA", RecordType::kAaaa}};
  for (const auto& [name, type] : kTypes) {
    if (equals_ignoring_case(text, name)) return type;
  }
  return std::nullopt;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_ignored_type(std::string_view text) {
  if (text.size() > 4 && equals_ignoring_case(text.substr(0, 4), "TYPE") &&
      std::all_of(text.begin() + 4, text.end(), is_digit)) {
    return true;  // RFC 3597 §5
  }
  return std::any_of(std::begin(kIgnoredTypes), std::end(kIgnoredTypes),
                     [&](std::string_view name) { return equals_ignoring_case(text, name); });
}

// Seconds, or BIND's "1h30m". Only whether it is one matters: nothing expires here.
bool is_ttl(std::string_view text) {
  if (text.empty() || text.size() > 20 || !is_digit(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || std::string_view("smhdw").find(ascii_lower(c)) != std::string_view::npos;
  });
}

bool is_class(std::string_view text) {
  return equals_ignoring_case(text, "IN");
}
bool is_other_class(std::string_view text) {
  return equals_ignoring_case(text, "CH") || equals_ignoring_case(text, "HS") ||
         equals_ignoring_case(text, "CS");
}

}  // namespace

class MasterFileParser {
 public:
  MasterFileParser(std::string_view text, std::string_view file_name)
      : text_(text), cursor_(text), file_name_(file_name) {}

  MasterFile parse() {
    Entry entry;
    while (next_entry(entry)) {
      if (!entry.tokens.empty()) read_entry(entry);
    }
    return std::move(result_);
  }

 private:
  // ---- where we are, and saying so
  [[noreturn]] void fail(uint32_t line, uint32_t column, std::string message) const {
    std::string_view rest = text_;
    for (uint32_t skipped = 1; skipped < line; skipped++) {
      rest.remove_prefix(std::min(rest.find('\n'), rest.size() - 1) + 1);
    }
    rest = rest.substr(0, rest.find('\n'));
    if (rest.ends_with('\r')) rest.remove_suffix(1);
    Diagnostic diagnostic;
    diagnostic.file = std::string(file_name_);
    diagnostic.line = line;
    diagnostic.column = column;
    diagnostic.message = std::move(message);
    diagnostic.source = std::string(rest.substr(0, 500));
    throw BadInput(std::move(diagnostic));
  }
  [[noreturn]] void fail(const Token& token, std::string message) const {
    fail(token.line, token.column, std::move(message));
  }
  uint32_t column() const { return static_cast<uint32_t>(cursor_.position() - line_start_ + 1); }
  void end_line() {
    line_++;
    line_start_ = cursor_.position();
  }

  // ---- tokens
  // One escape, the backslash taken already: \DDD is an octet, \X is X.
  char take_escape(uint32_t at_column) {
    const auto rest = cursor_.rest();
    if (rest.size() >= 3 && std::all_of(rest.begin(), rest.begin() + 3, is_digit)) {
      const int value = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
      if (value > 255) fail(line_, at_column, "\\DDD is over 255");
      cursor_.take(3);
      return static_cast<char>(value);
    }
    if (rest.empty() || rest.front() == '\n')
      fail(line_, at_column, "nothing follows the backslash");
    return cursor_.take();
  }

  Token take_quoted() {
    Token token{{}, true, line_, column()};
    cursor_.take();
    while (true) {
      if (cursor_.at_end()) fail(token, "the quoted string does not end");
      const uint32_t at_column = column();
      const char c = cursor_.take();
      if (c == '"') return token;
      token.text += c == '\\' ? take_escape(at_column) : c;
      if (c == '\n') end_line();
      if (token.text.size() > kMaxTextLength) fail(token, "the quoted string is over 65535 octets");
    }
  }

  // Escapes stay as they are written: in a name "\." is not a dot.
  Token take_word() {
    Token token{{}, false, line_, column()};
    while (!cursor_.at_end()) {
      const char c = cursor_.peek();
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '"' || c == ';' || c == '(' ||
          c == ')') {
        break;
      }
      token.text += cursor_.take();
      if (c == '\\') {
        if (cursor_.at_end() || cursor_.peek() == '\n') {
          fail(line_, column() - 1, "nothing follows the backslash");
        }
        token.text += cursor_.take();
      }
    }
    return token;
  }

  // False at the end of the file.
  bool next_entry(Entry& entry) {
    entry = Entry{};
    if (cursor_.at_end()) return false;
    const char first = cursor_.peek();
    entry.has_owner = first != ' ' && first != '\t';
    std::optional<Token> open;
    while (!cursor_.at_end()) {
      const char c = cursor_.peek();
      if (c == '\n') {
        cursor_.take();
        end_line();
        if (!open) return true;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        cursor_.take();
      } else if (c == ';') {
        cursor_.take_while([](char x) { return x != '\n'; });
      } else if (c == '(') {
        if (open) fail(line_, column(), "a parenthesis within parentheses");
        open = Token{{}, false, line_, column()};
        cursor_.take();
      } else if (c == ')') {
        if (!open) fail(line_, column(), "a closing parenthesis that nothing opened");
        open.reset();
        cursor_.take();
      } else {
        entry.tokens.push_back(c == '"' ? take_quoted() : take_word());
      }
    }
    if (open) fail(*open, "the parenthesis is not closed");
    return true;
  }

  // ---- entries
  void read_entry(const Entry& entry) {
    const Token& first = entry.tokens.front();
    if (entry.has_owner && !first.is_quoted && first.text.starts_with('$')) {
      read_directive(entry);
      return;
    }
    size_t next = 0;
    if (entry.has_owner) {
      owner_ = absolute(first, "owner");
      next = 1;
    } else if (!owner_) {
      fail(first, "the line has no owner, and no line before it has one");
    }
    read_record(entry, next);
  }

  void read_directive(const Entry& entry) {
    const Token& directive = entry.tokens.front();
    const auto argument = [&](const char* what) -> const Token& {
      if (entry.tokens.size() != 2) fail(directive, directive.text + " wants " + what);
      return entry.tokens[1];
    };
    if (equals_ignoring_case(directive.text, "$ORIGIN")) {
      origin_ = absolute(argument("one name"), "origin");
    } else if (equals_ignoring_case(directive.text, "$TTL")) {
      const Token& ttl = argument("one time");
      if (!is_ttl(ttl.text)) fail(ttl, "'" + ttl.text + "' is not a time to live");
    } else {
      fail(directive, directive.text + " is not supported here");
    }
  }

  // [TTL] [class] type data, the first two in any order.
  void read_record(const Entry& entry, size_t next) {
    bool has_ttl = false;
    bool has_class = false;
    for (; next < entry.tokens.size(); next++) {
      const Token& token = entry.tokens[next];
      if (token.is_quoted) fail(token, "a quoted string where the record type should be");
      if (!has_ttl && is_ttl(token.text)) {
        has_ttl = true;
      } else if (!has_class && is_class(token.text)) {
        has_class = true;
      } else if (is_other_class(token.text)) {
        fail(token, "class " + token.text + " is not supported: only IN");
      } else {
        break;
      }
    }
    if (next == entry.tokens.size()) fail(entry.tokens.back(), "the record type is missing");
    const Token& type_token = entry.tokens[next];
    const auto type = known_type(type_token.text);
    if (!type) {
      if (!is_ignored_type(type_token.text)) {
        fail(type_token, "'" + type_token.text + "' is not a record type");
      }
      result_.add_name(*owner_);
      return;
    }
    const std::vector<Token> data(entry.tokens.begin() + static_cast<ptrdiff_t>(next) + 1,
                                  entry.tokens.end());
    result_.add(*owner_, *type, read_data(*type, type_token, data));
  }

  std::string read_data(RecordType type, const Token& type_token, const std::vector<Token>& data) {
    if (type == RecordType::kTxt) {
      if (data.empty()) fail(type_token, "TXT wants at least one string");
      return read_text(data);
    }
    const size_t wanted = type == RecordType::kMx ? 2 : 1;
    if (data.size() != wanted) {
      fail(data.size() > wanted ? data[wanted] : type_token,
           type_token.text + " wants " + std::to_string(wanted) +
               (wanted == 1 ? " value" : " values") + ", not " + std::to_string(data.size()));
    }
    if (type == RecordType::kA || type == RecordType::kAaaa) {
      const auto address = IpAddress::parse(data[0].text);
      if (!address || address->is_v4() != (type == RecordType::kA)) {
        fail(data[0], "'" + data[0].text + "' is not an " +
                          (type == RecordType::kA ? "IPv4" : "IPv6") + " address");
      }
      return address->to_string();
    }
    if (type == RecordType::kMx) {
      const auto& preference = data[0].text;
      if (preference.empty() || preference.size() > 5 ||
          !std::all_of(preference.begin(), preference.end(), is_digit) ||
          std::stoul(preference) > 65535) {
        fail(data[0], "'" + preference + "' is not a preference from 0 to 65535");
      }
      return std::to_string(std::stoul(preference)) + ' ' + absolute(data[1], "exchange");
    }
    return absolute(data[0], "target");
  }

  std::string read_text(const std::vector<Token>& pieces) {
    std::string text;
    for (const Token& piece : pieces) {
      text += piece.is_quoted ? piece.text : unescaped(piece);
      if (text.size() > kMaxTextLength) fail(piece, "the record is over 65535 octets");
    }
    return text;
  }

  std::string unescaped(const Token& token) const {
    std::string text;
    Cursor cursor(token.text);
    while (!cursor.at_end()) {
      const char c = cursor.take();
      text += c == '\\' ? octet_of_escape(token, cursor) : c;
    }
    return text;
  }
  char octet_of_escape(const Token& token, Cursor& cursor) const {
    const auto rest = cursor.rest();
    if (rest.size() < 3 || !std::all_of(rest.begin(), rest.begin() + 3, is_digit)) {
      return cursor.take();
    }
    const int value = (rest[0] - '0') * 100 + (rest[1] - '0') * 10 + (rest[2] - '0');
    if (value > 255) fail(token, "\\DDD is over 255");
    cursor.take(3);
    return static_cast<char>(value);
  }

  // A name, relative to the origin unless it ends with a dot, in the form of Answer.
  std::string absolute(const Token& token, const char* what) const {
    if (token.is_quoted) fail(token, std::string("a quoted string as the ") + what);
    if (token.text == "@") return origin_;
    std::string name = ascii_lower(token.text);
    const bool is_absolute =
        name.ends_with('.') && !(name.size() >= 2 && name[name.size() - 2] == '\\');
    if (is_absolute) {
      name.pop_back();
      if (name.empty()) return name;
    } else if (!origin_.empty()) {
      name += '.' + origin_;
    }
    if (name.size() > kMaxNameLength) fail(token, "the name is over 253 octets");
    for (size_t start = 0; start <= name.size();) {
      const size_t end = std::min(name.find('.', start), name.size());
      if (end == start) fail(token, "an empty label in the name");
      if (end - start > kMaxLabelLength) fail(token, "a label is over 63 octets");
      start = end + 1;
    }
    return name;
  }

  std::string_view text_;
  Cursor cursor_;
  std::string_view file_name_;
  uint32_t line_ = 1;
  size_t line_start_ = 0;
  std::string origin_;  // "" is the root
  std::optional<std::string> owner_;
  MasterFile result_;
};

MasterFile MasterFile::parse(std::string_view text, std::string_view file_name) {
  return MasterFileParser(text, file_name).parse();
}

MasterFile MasterFile::load(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file.peek() != std::ifstream::traits_type::eof()) text << file.rdbuf();
  if (!file.is_open() || file.bad()) {
    Diagnostic diagnostic;
    diagnostic.file = path;
    diagnostic.message = std::string("cannot be read: ") + std::strerror(errno != 0 ? errno : EIO);
    throw BadInput(std::move(diagnostic));
  }
  return parse(text.str(), path);
}

}  // namespace postern::dns
