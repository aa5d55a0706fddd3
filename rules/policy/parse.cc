// SPDX-License-Identifier: BSD-3-Clause
//
// Text -> Policy (rules/policy/parse.h), in two passes over the lines: first what they declare,
// then the rules, which may name what is declared further down. Faults are gathered, one per line
// at most, and thrown together at the end. docs/policy.md is the grammar.
#include "rules/policy/parse.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "rules/lists/list_lines.h"
#include "rules/policy/connection_rules.h"
#include "rules/policy/declarations.h"
#include "rules/policy/message_rules.h"
#include "rules/policy/statement.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxText = 4 << 20;
constexpr size_t kMaxErrors = 100;

class PolicyReader {
 public:
  PolicyReader(std::string_view text, const std::string& file) {
    policy_.file = file;
    policy_.text = text;
  }

  Policy read() {
    split();
    for (auto& statement : statements_) attempt(statement, &PolicyReader::read_declaration);
    for (const auto& [destination, covered_by] : declarations_.overlaps())
      complain(destination.line,
               {destination.column, destination.prefix.to_string() + " port " +
                                        std::to_string(destination.port) + " is within " +
                                        covered_by.prefix.to_string() + " of service " +
                                        quoted(policy_.services[covered_by.service].name) +
                                        " at line " + std::to_string(covered_by.line)});
    connection_rules_.emplace(policy_);
    for (auto& statement : statements_) attempt(statement, &PolicyReader::read_rules);
    if (!errors_.empty()) refuse();
    return std::move(policy_);
  }

 private:
  enum class Block { kNone, kConnection, kMessage };

  void split() {
    std::string_view rest = policy_.text;
    if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
    for (uint32_t number = 1; !rest.empty(); number++) {
      const auto end = rest.find('\n');
      lines_.push_back(rest.substr(0, end));
      if (lines_.back().ends_with('\r')) lines_.back().remove_suffix(1);
      rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
      Statement statement(lines_.back(), number);
      if (!statement.empty()) statements_.push_back(std::move(statement));
    }
  }

  void attempt(Statement& statement, void (PolicyReader::*read)(Statement&)) {
    try {
      (this->*read)(statement);
    } catch (const Complaint& complaint) {
      complain(statement.line(), complaint);
    }
  }

  void complain(uint32_t line, const Complaint& complaint) {
    errors_.push_back({.file = policy_.file,
                       .line = line,
                       .column = complaint.column,
                       .message = complaint.message,
                       .source = std::string(lines_[line - 1])});
  }

  void read_declaration(Statement& statement) {
    if (statement.accept("list"))
      declarations_.read_list(statement);
    else if (statement.accept("protect"))
      declarations_.read_protect(statement);
    else if (statement.accept("service"))
      declarations_.read_service(statement);
  }

  void read_rules(Statement& statement) {
    const auto& first = statement.peek();
    if (is_declaration(statement)) {
      block_ = Block::kNone;
    } else if (statement.accept("connection")) {
      block_ = Block::kConnection;
      connection_rules_->read_header(statement);
    } else if (statement.accept("message")) {
      block_ = Block::kMessage;
      message_rules_.read_header(statement);
    } else if (block_ == Block::kConnection) {
      if (is_one_of(first, kMessageActions))
        statement.fail_at(first, quoted(first.text) + " is for messages; a connection rule is " +
                                     listed({"allow", "inspect", "drop", "reset"}));
      connection_rules_->read_rule(statement);
    } else if (block_ == Block::kMessage) {
      if (is_one_of(first, kConnectionActions))
        statement.fail_at(first, quoted(first.text) + " is for connections; a message rule is " +
                                     listed({"accept", "tag", "defer", "reject"}));
      message_rules_.read_rule(statement);
    } else if (is_one_of(first, kConnectionActions)) {
      statement.fail_at(first,
                        "a rule with " + quoted(first.text) + " stands under \"connection to\"");
    } else if (is_one_of(first, kMessageActions)) {
      statement.fail_at(first, "a rule with " + quoted(first.text) + " stands under \"message\"");
    } else {
      statement.fail_here(listed({"list", "protect", "service", "connection", "message"}));
    }
  }

  static constexpr std::string_view kConnectionActions[] = {"allow", "inspect", "drop", "reset"};
  static constexpr std::string_view kMessageActions[] = {"accept", "tag", "defer", "reject"};

  template <size_t count>
  static bool is_one_of(const Token& token, const std::string_view (&words)[count]) {
    return token.kind == Token::Kind::kWord &&
           std::find(std::begin(words), std::end(words), token.text) != std::end(words);
  }

  // The first pass has moved on from the first word of a declaration.
  static bool is_declaration(const Statement& statement) { return statement.started(); }

  [[noreturn]] void refuse() {
    std::stable_sort(errors_.begin(), errors_.end(), [](const auto& a, const auto& b) {
      return std::pair(a.line, a.column) < std::pair(b.line, b.column);
    });
    if (errors_.size() > kMaxErrors) {
      const auto more = errors_.size() - kMaxErrors;
      errors_.resize(kMaxErrors);
      errors_.push_back(
          {.file = policy_.file, .message = std::to_string(more) + " more errors are not shown"});
    }
    throw BadInput(std::move(errors_));
  }

  Policy policy_;
  std::vector<std::string_view> lines_;
  std::vector<Statement> statements_;
  std::vector<Diagnostic> errors_;
  Declarations declarations_{policy_};
  std::optional<ConnectionRules> connection_rules_;
  MessageRules message_rules_{policy_};
  Block block_ = Block::kNone;
};

}  // namespace

Policy parse_policy(std::string_view text, const std::string& file) {
  if (text.size() > kMaxText)
    throw BadInput(Diagnostic{.file = file, .message = "a policy has at most 4 MiB"});
  return PolicyReader(text, file).read();
}

Policy read_policy(const std::string& path) {
  return parse_policy(read_file_text(path, kMaxText).text, path);
}

}  // namespace postern
