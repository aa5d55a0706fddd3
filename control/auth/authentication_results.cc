// SPDX-License-Identifier: BSD-3-Clause
//
// Writing our Authentication-Results field, and recognising those that claim to be ours.
// Recognising errs on the side of yes: a forged field that survives is believed by everybody behind
// us, a foreign one that is removed is missed by hardly anybody (RFC 8601 §5).
#include "control/auth/authentication_results.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "control/dns/domain_name.h"
#include "rules/text/cursor.h"

namespace postern::auth {
namespace {

constexpr std::string_view kName = "Authentication-Results";
constexpr size_t kLineLength = 78;       // RFC 5322 §2.1.1
constexpr size_t kMaxWritten = 16;       // results of one method; only the first ones were verified
constexpr size_t kMaxValueLength = 300;  // of what the message supplied
constexpr int kMaxCommentDepth = 32;

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// RFC 2045 §5.1
bool is_token_character(char c) {
  return c > ' ' && c < 0x7f &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

// A token as it is, anything else as a quoted string; what is not printable ASCII becomes "?".
std::string as_value(std::string_view text) {
  text = text.substr(0, kMaxValueLength);
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_token_character)) {
    return std::string(text);
  }
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c >= ' ' && c < 0x7f ? c : '?';
  }
  return quoted + '"';
}

// A local part and "@" stay as they are in pvalue; only sound addresses come here unquoted.
class Writer {
 public:
  explicit Writer(std::string_view authserv_id) {
    field_ = std::string(kName) + ": ";
    line_start_ = 0;
    field_ += as_value(dns::to_a_labels(authserv_id).value_or(std::string(authserv_id)));
  }

  void begin_result(std::string_view method, Result result) {
    field_ += ";\r\n\t";
    line_start_ = field_.size() - 1;
    field_ += std::string(method) + '=' + std::string(word(result));
  }
  // " name=value", on a line of its own when this one would grow too long.
  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    const std::string part = std::string(name) + '=' + as_value(value);
    if (field_.size() - line_start_ + 1 + part.size() >= kLineLength) {
      field_ += "\r\n\t";
      line_start_ = field_.size() - 1;
    } else {
      field_ += ' ';
    }
    append_folded(part);
  }
  std::string finish() { return std::move(field_) + "\r\n"; }

 private:
  // A long quoted string is folded at its blanks.
  void append_folded(std::string_view part) {
    for (char c : part) {
      const bool is_late = field_.size() - line_start_ >= kLineLength - 16;
      if (c == ' ' && is_late) {
        field_ += "\r\n ";
        line_start_ = field_.size() - 1;
      } else {
        field_ += c;
      }
    }
  }

  std::string field_;
  size_t line_start_ = 0;
};

// The beginning of a field body, up to the semicolon behind the authserv-id.
class IdReader {
 public:
  explicit IdReader(std::string_view body) : cursor_(body) {}

  // The authserv-id; nullopt where it cannot be told.
  std::optional<std::string> read_id() {
    if (!skip_space()) return std::nullopt;
    std::string id;
    if (cursor_.accept('"')) {
      while (true) {
        const char c = cursor_.take();
        if (cursor_.failed() || is_control(c)) return std::nullopt;
        if (c == '"') break;
        if (c == '\\') {
          const char escaped = cursor_.take();
          if (cursor_.failed() || is_control(escaped)) return std::nullopt;
          id += escaped;
        } else if (c != '\r' && c != '\n') {
          id += c;
        }
      }
    } else {
      id = cursor_.take_while([](char c) { return is_token_character(c) || (c & 0x80) != 0; });
    }
    if (id.empty()) return std::nullopt;
    return id;
  }

  // Behind the id: nothing or a version number, then the semicolon or the end.
  bool ends_soundly() {
    if (!skip_space()) return false;
    const auto version = cursor_.take_while([](char c) { return c >= '0' && c <= '9'; });
    if (!version.empty() && !skip_space()) return false;
    return cursor_.at_end() || cursor_.peek() == ';';
  }

 private:
  static bool is_control(char c) { return (c >= 0 && c < ' ' && !is_space(c)) || c == 0x7f; }

  // CFWS; false when a comment does not end.
  bool skip_space() {
    while (true) {
      cursor_.take_while(is_space);
      if (!cursor_.accept('(')) return true;
      for (int depth = 1; depth > 0;) {
        const char c = cursor_.take();
        if (c == '(' && ++depth > kMaxCommentDepth) return false;
        if (c == ')') depth--;
        if (c == '\\') cursor_.take();
        if (cursor_.failed()) return false;
      }
    }
  }

  Cursor cursor_;
};

// One form for comparing: A-labels where it is a name, else lower case.
std::string comparable(std::string_view id) {
  if (auto name = dns::to_a_labels(id)) return *name;
  return dns::ascii_lower(id);
}

// Everything up to the first semicolon without blanks, comments, quotes and what cannot be seen:
// what some reader, somewhere, could take for the id.
std::string all_that_could_be_read(std::string_view body) {
  std::string text;
  int depth = 0;
  for (size_t i = 0; i < body.size(); i++) {
    const char c = body[i];
    if (c == '\\' && i + 1 < body.size()) {
      if (depth == 0) text += body[i + 1];
      i++;
    } else if (c == '(') {
      depth++;
    } else if (c == ')' && depth > 0) {
      depth--;
    } else if (depth == 0 && c == ';') {
      break;
    } else if (depth == 0 && (c > ' ' || (c & 0x80) != 0) && c != '"' && c != 0x7f) {
      text += dns::ascii_lower(c);
    }
  }
  return text;
}

}  // namespace

std::string write_authentication_results(std::string_view authserv_id, const AuthResult& result) {
  Writer writer(authserv_id);
  if (result.dkim.empty()) writer.begin_result("dkim", Result::kNone);
  for (size_t i = 0; i < result.dkim.size() && i < kMaxWritten; i++) {
    const DkimResult& dkim = result.dkim[i];
    writer.begin_result("dkim", dkim.result);
    writer.add("reason", dkim.reason);
    writer.add("header.d", dkim.domain);
    writer.add("header.s", dkim.selector);
    writer.add("header.a", dkim.algorithm);
    writer.add("header.b", dkim.signature_prefix);
  }
  // `none` of a method that was not tried would claim that nothing is published: it stays unsaid.
  for (size_t i = 0; i < result.spf.size() && i < kMaxWritten; i++) {
    const SpfResult& spf = result.spf[i];
    if (spf.result == Result::kNone) continue;
    writer.begin_result("spf", spf.result);
    writer.add("reason", spf.reason);
    writer.add(spf.identity == "helo" ? "smtp.helo" : "smtp.mailfrom", spf.domain);
  }
  if (result.dmarc.result != Result::kNone) {
    writer.begin_result("dmarc", result.dmarc.result);
    writer.add("header.from", result.dmarc.domain);
  }
  return writer.finish();
}

bool claims_our_results(std::string_view field, std::string_view authserv_id) {
  const auto colon = field.find(':');
  if (colon == std::string_view::npos) return false;
  // Blanks before the colon are allowed (RFC 5322 §4.5.8); what cannot be seen is not, but some
  // reader may overlook it.
  std::string name(field.substr(0, colon));
  std::erase_if(name, [](char c) { return c <= ' ' || c > '~'; });
  if (!dns::equals_ignoring_case(name, kName)) return false;

  const auto body = field.substr(colon + 1);
  const std::string ours = comparable(authserv_id);
  IdReader reader(body);
  const auto id = reader.read_id();
  if (!id) return true;
  if (comparable(*id) == ours) return true;
  if (reader.ends_soundly()) return false;
  // Somebody else's id with something behind it that does not belong there.
  return all_that_could_be_read(body).find(ours) != std::string::npos;
}

}  // namespace postern::auth
