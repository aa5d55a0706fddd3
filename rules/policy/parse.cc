// SPDX-License-Identifier: BSD-3-Clause
//
// Text -> Policy (rules/policy/parse.h), in two passes over the lines: first what they declare,
// then what names it - protects and rules -, which may stand above the declaration. Faults are
// gathered, one per line at most, and thrown together at the end. docs/policy.md is the grammar.
#include "rules/policy/parse.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

#include "rules/policy/connection_rules.h"
#include "rules/policy/declarations.h"
#include "rules/policy/message_rules.h"
#include "rules/policy/names.h"
#include "rules/policy/signatures.h"
#include "rules/policy/sources.h"
#include "rules/policy/statement.h"
#include "rules/text/diagnostic.h"
#include "rules/text/file_text.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxErrors = 100;

constexpr std::string_view kConnectionActions[] = {"allow",  "inspect", "drop",   "reset",
                                                   "refuse", "limit",   "observe"};
constexpr std::string_view kMessageActions[] = {"accept", "tag", "quarantine", "defer", "reject"};

class PolicyReader {
 public:
  PolicyReader(PolicySource main, const SourceReader& reader)
      : text_(std::move(main), reader, errors_) {
    policy_.sources = text_.take_sources();
  }

  Policy read() {
    for (auto& statement : text_.statements()) attempt(statement, &PolicyReader::read_declaration);
    complain_of_overlaps();
    connection_rules_.emplace(policy_);
    for (auto& statement : text_.statements()) attempt(statement, &PolicyReader::read_rules);
    if (!errors_.empty()) refuse();
    return std::move(policy_);
  }

 private:
  enum class Block { kNone, kConnection, kMessage };

  void attempt(Statement& statement, void (PolicyReader::*read)(Statement&)) {
    try {
      (this->*read)(statement);
    } catch (const Complaint& complaint) {
      complain(statement.place(), complaint);
    }
  }

  void complain(const PolicyPlace& place, const Complaint& complaint) {
    errors_.push_back({.file = text_.file_at(place),
                       .line = place.line,
                       .column = complaint.column,
                       .message = complaint.message,
                       .source = std::string(text_.line_at(place))});
  }

  void complain_of_overlaps() {
    for (const auto& [destination, covered_by] : declarations_.overlaps())
      complain(destination.place,
               {destination.column,
                destination.prefix.to_string() + " port " + std::to_string(destination.port) +
                    (destination.vlan.is_any() ? "" : " vlan " + destination.vlan.to_string()) +
                    " is within " + covered_by.prefix.to_string() + " of service " +
                    quoted(policy_.services[covered_by.service].name) + " at " +
                    place_beside(policy_, covered_by.place, destination.place)});
  }

  void read_declaration(Statement& statement) {
    if (statement.accept("map")) return declarations_.read_map(statement);
    if (statement.accept("fetch")) return declarations_.read_fetch(statement);
    declarations_.leave_list();
    if (statement.accept("list"))
      declarations_.read_list(statement);
    else if (statement.accept("service"))
      declarations_.read_service(statement);
    else if (statement.accept("signature"))
      read_signature(statement, policy_);
  }

  void read_rules(Statement& statement) {
    const auto& first = statement.peek();
    if (is_declaration(statement) || statement.empty()) {
      block_ = Block::kNone;
    } else if (statement.accept("protect")) {
      block_ = Block::kNone;
      declarations_.read_protect(statement);
    } else if (statement.accept("connection")) {
      block_ = Block::kConnection;
      connection_rules_->read_header(statement);
    } else if (statement.accept("message")) {
      block_ = Block::kMessage;
      message_rules_.read_header(statement);
    } else if (block_ == Block::kConnection) {
      if (is_one_of(first, kMessageActions))
        statement.fail_at(
            first, quoted(first.text) + " is for messages; a connection rule is " +
                       listed({"allow", "inspect", "drop", "reset", "refuse", "limit", "observe"}));
      connection_rules_->read_rule(statement);
    } else if (block_ == Block::kMessage) {
      if (is_one_of(first, kConnectionActions))
        statement.fail_at(first, quoted(first.text) + " is for connections; a message rule is " +
                                     listed({"accept", "tag", "quarantine", "defer", "reject"}));
      message_rules_.read_rule(statement);
    } else if (is_one_of(first, kConnectionActions)) {
      statement.fail_at(first,
                        "a rule with " + quoted(first.text) + " stands under \"connection\"");
    } else if (is_one_of(first, kMessageActions)) {
      statement.fail_at(first, "a rule with " + quoted(first.text) + " stands under \"message\"");
    } else {
      statement.fail_here(
          listed({"list", "protect", "service", "signature", "connection", "message", "include"}));
    }
  }

  template <size_t count>
  static bool is_one_of(const Token& token, const std::string_view (&words)[count]) {
    return token.kind == Token::Kind::kWord &&
           std::find(std::begin(words), std::end(words), token.text) != std::end(words);
  }

  // The first pass has moved on from the first word of a declaration.
  static bool is_declaration(const Statement& statement) { return statement.started(); }

  [[noreturn]] void refuse() {
    const auto number_of = [&](const std::string& file) {
      return std::ranges::find(policy_.sources, file, &PolicySource::file) -
             policy_.sources.begin();
    };
    std::stable_sort(errors_.begin(), errors_.end(), [&](const auto& a, const auto& b) {
      return std::tuple(number_of(a.file), a.line, a.column) <
             std::tuple(number_of(b.file), b.line, b.column);
    });
    if (errors_.size() > kMaxErrors) {
      const auto more = errors_.size() - kMaxErrors;
      errors_.resize(kMaxErrors);
      errors_.push_back(
          {.file = policy_.file(), .message = std::to_string(more) + " more errors are not shown"});
    }
    throw BadInput(std::move(errors_));
  }

  Policy policy_;
  std::vector<Diagnostic> errors_;
  PolicyText text_;
  Declarations declarations_{policy_};
  std::optional<ConnectionRules> connection_rules_;
  MessageRules message_rules_{policy_};
  Block block_ = Block::kNone;
};

}  // namespace

Policy parse_policy(std::string_view text, const std::string& file, const SourceReader& reader) {
  return PolicyReader({file, std::string(text)}, reader).read();
}

Policy parse_policy(std::string_view text, const std::string& file) {
  return parse_policy(text, file, [](const std::string& wanted) -> std::string {
    throw BadInput(Diagnostic{.file = wanted, .message = "is not read here"});
  });
}

Policy read_policy(const std::string& path) {
  return parse_policy(
      read_file_text(path, kMaxPolicyBytes).text, path,
      [](const std::string& file) { return read_file_text(file, kMaxPolicyBytes).text; });
}

Policy parse_sources(const std::vector<PolicySource>& sources) {
  return parse_policy(sources.front().text, sources.front().file, [&](const std::string& file) {
    const auto found = std::ranges::find(sources, file, &PolicySource::file);
    if (found == sources.end())
      throw BadInput(Diagnostic{.file = file, .message = "is not among the files"});
    return found->text;
  });
}

}  // namespace postern
