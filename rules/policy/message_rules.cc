// SPDX-License-Identifier: BSD-3-Clause
//
// `message`, `message to`, and their rules (rules/policy/message_rules.h).
#include "rules/policy/message_rules.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/names.h"
#include "rules/text/domain_name.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxConditions = 16;

template <typename Value, size_t count>
std::optional<Value> accept_one_of(Statement& statement,
                                   const std::pair<std::string_view, Value> (&words)[count]) {
  for (const auto& [word, value] : words)
    if (statement.accept(word)) return value;
  return std::nullopt;
}

MessageAction expect_action(Statement& statement) {
  constexpr std::pair<std::string_view, MessageAction> kActions[] = {
      {"accept", MessageAction::kAccept},
      {"tag", MessageAction::kTag},
      {"quarantine", MessageAction::kQuarantine},
      {"defer", MessageAction::kDefer},
      {"reject", MessageAction::kReject}};
  if (const auto action = accept_one_of(statement, kActions)) return *action;
  statement.fail_here(listed({"accept", "tag", "quarantine", "defer", "reject"}));
}

Condition read_dkim(Statement& statement) {
  constexpr std::pair<std::string_view, DkimWord> kWords[] = {
      {"pass", DkimWord::kPass},          {"fail", DkimWord::kFail},
      {"none", DkimWord::kNone},          {"policy", DkimWord::kPolicy},
      {"neutral", DkimWord::kNeutral},    {"temperror", DkimWord::kTempError},
      {"permerror", DkimWord::kPermError}};
  const auto comparison = statement.expect_equality();
  if (const auto word = accept_one_of(statement, kWords)) return DkimIs{comparison, *word};
  statement.fail_here(
      listed({"pass", "fail", "none", "policy", "neutral", "temperror", "permerror"}));
}

Condition read_dns(Statement& statement) {
  const auto comparison = statement.expect_equality();
  if (statement.accept("error")) return DnsIs{comparison, true};
  if (statement.accept("ok")) return DnsIs{comparison, false};
  statement.fail_here("error or ok");
}

Condition read_reverse(Statement& statement) {
  constexpr std::pair<std::string_view, ReverseWord> kWords[] = {
      {"none", ReverseWord::kNone},
      {"confirmed", ReverseWord::kConfirmed},
      {"unconfirmed", ReverseWord::kUnconfirmed},
      {"temperror", ReverseWord::kTempError}};
  const auto comparison = statement.expect_equality();
  if (const auto word = accept_one_of(statement, kWords)) return ReverseIs{comparison, *word};
  statement.fail_here(listed({"none", "confirmed", "unconfirmed", "temperror"}));
}

Condition read_name(Statement& statement, NamedBy by) {
  constexpr size_t kMaxClass = 32;
  const auto comparison = statement.expect_equality();
  const auto& place = statement.peek();
  auto name = statement.expect_name("a class of names, such as dynamic");
  if (name.size() > kMaxClass || name.find('_') != std::string::npos)
    statement.fail_at(place, "a class of names has letters, digits and hyphens, 32 at most");
  return NameIs{by, comparison, std::move(name)};
}

// Holds just because the DNS failed: of such a source nothing is known.
bool holds_for_a_fault(const Condition& condition) {
  if (const auto* dns = std::get_if<DnsIs>(&condition))
    return dns->error == (dns->comparison == Comparison::kEqual);
  if (const auto* dkim = std::get_if<DkimIs>(&condition))
    return dkim->word == DkimWord::kTempError && dkim->comparison == Comparison::kEqual;
  const auto* reverse = std::get_if<ReverseIs>(&condition);
  return reverse != nullptr && reverse->word == ReverseWord::kTempError &&
         reverse->comparison == Comparison::kEqual;
}

// Holds of a message with a signature that does not verify, whatever the reason: to be treated as
// if it had none (RFC 6376 §6.3).
bool holds_for_a_broken_signature(const Condition& condition) {
  const auto* dkim = std::get_if<DkimIs>(&condition);
  if (dkim == nullptr) return false;
  const bool equal = dkim->comparison == Comparison::kEqual;
  for (const auto broken :
       {DkimWord::kFail, DkimWord::kPolicy, DkimWord::kNeutral, DkimWord::kPermError})
    if ((dkim->word == broken) == equal) return true;
  return false;
}

// What tells one source from others. A rule without such a condition would have whoever relays
// somebody's mail learned.
bool is_about_source(const Condition& condition) {
  return std::holds_alternative<ReverseIs>(condition) ||
         std::holds_alternative<NameIs>(condition) ||
         std::holds_alternative<SourceInCategory>(condition) ||
         std::holds_alternative<SourceInList>(condition);
}

bool has_all_of(const std::vector<Condition>& conditions, const std::vector<Condition>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const Condition& condition) {
    return std::find(conditions.begin(), conditions.end(), condition) != conditions.end();
  });
}

}  // namespace

void MessageRules::read_header(Statement& statement) {
  if (statement.accept("to")) return read_recipients(statement);
  rules_ = &policy_.messages;
  const auto& token = statement.peek();
  if (!statement.at_end()) statement.fail_here("\"to\", or the end of the line");
  if (header_)
    statement.fail_at(token, "there are message rules at " +
                                 place_beside(policy_, *header_, statement.place()) + " already");
  header_ = statement.place();
}

void MessageRules::read_recipients(Statement& statement) {
  ignored_.clear();
  rules_ = &ignored_;
  if (policy_.message_blocks.size() == kMaxMessageBlocks)
    statement.fail_at(statement.peek(), "more than " + std::to_string(kMaxMessageBlocks) +
                                            " blocks of message rules");
  auto& block = policy_.message_blocks.emplace_back();
  rules_ = &block.rules;
  block.place = statement.place();
  block.text = statement.text();
  do {
    if (statement.peek().kind == Token::Kind::kString)
      read_recipient_domain(statement, block);
    else if (statement.accept("list"))
      read_recipient_list(statement, block);
    else if (statement.accept("category"))
      read_recipient_category(statement, block);
    else
      statement.fail_here("a domain in double quotes, list or category");
  } while (statement.accept_operator(","));
  if (!statement.at_end()) statement.fail_here("a comma, or the end of the line");
}

void MessageRules::read_recipient_domain(Statement& statement, MessageBlock& block) {
  const auto& place = statement.peek();
  std::string why;
  const auto domain = canonical_domain(statement.expect_string("a domain"), &why);
  if (!domain) statement.fail_at(place, why);
  if (const auto* before = block_that_takes(*domain))
    statement.fail_at(place, "messages to " + quoted(*domain) + " are judged at " +
                                 place_beside(policy_, *before, statement.place()) + " already");
  domains_taken_by_.emplace(*domain, statement.place());
  block.domains.push_back(*domain);
}

void MessageRules::read_recipient_list(Statement& statement, MessageBlock& block) {
  const auto& place = statement.peek();
  const auto name = statement.expect_name("the name of a list");
  const auto list = list_named(policy_, name);
  if (!list) statement.fail_at(place, "there is no list " + quoted(name));
  if (!may_have_domains(policy_.lists[*list]))
    statement.fail_at(place, "list " + quoted(name) + " has no domains");
  take_lists(statement, place, {*list}, block);
}

void MessageRules::read_recipient_category(Statement& statement, MessageBlock& block) {
  const auto& place = statement.peek();
  const auto name = statement.expect_name("the name of a category");
  auto lists = lists_with_category(policy_, name);
  if (lists.empty()) statement.fail_at(place, "no list has category " + quoted(name));
  std::erase_if(lists, [&](size_t i) { return !may_have_domains(policy_.lists[i]); });
  if (lists.empty())
    statement.fail_at(place, "category " + quoted(name) + " has no list of domains");
  take_lists(statement, place, lists, block);
}

// The domain itself, or one above it. nullptr: none.
const PolicyPlace* MessageRules::block_that_takes(std::string_view domain) const {
  for (;;) {
    const auto found = domains_taken_by_.find(domain);
    if (found != domains_taken_by_.end()) return &found->second;
    const size_t dot = domain.find('.');
    if (dot == std::string_view::npos) return nullptr;
    domain.remove_prefix(dot + 1);
  }
}

// Some may have been taken before, as a category has several; not all of them.
void MessageRules::take_lists(const Statement& statement, const Token& place,
                              const std::vector<size_t>& lists, MessageBlock& block) {
  std::optional<PolicyPlace> before;
  DomainInList fresh;
  for (const size_t list : lists) {
    const auto [taken, is_fresh] = lists_taken_by_.emplace(list, statement.place());
    if (is_fresh)
      fresh.lists.push_back(list);
    else
      before = std::max(before, std::optional(taken->second));
  }
  if (fresh.lists.empty())
    statement.fail_at(place, "messages to these are judged at " +
                                 place_beside(policy_, *before, statement.place()) + " already");
  block.lists.push_back(std::move(fresh));
}

void MessageRules::read_rule(Statement& statement) {
  const auto& place = statement.peek();
  MessageRule rule;
  rule.action = expect_action(statement);
  rule.place = statement.place();
  rule.text = statement.text();
  if (!statement.accept("any")) {
    do {
      if (rule.conditions.size() == kMaxConditions)
        statement.fail_at(statement.peek(), "more than 16 conditions in one rule");
      rule.conditions.push_back(read_condition(statement));
    } while (statement.accept("and"));
  }
  const auto& learn = statement.peek();
  if (statement.accept("learn")) read_learn(statement, learn, rule);
  if (!statement.at_end())
    statement.fail_here(rule.conditions.empty() || rule.learn.count() > 0
                            ? "the end of the line"
                            : "and, or the end of the line");
  if (rules_->size() == PS_MAX_RULES_PER_POLICY)
    statement.fail_at(
        place, "more than " + std::to_string(PS_MAX_RULES_PER_POLICY) + " rules in one block");
  for (const auto& earlier : *rules_)
    if (has_all_of(rule.conditions, earlier.conditions))
      statement.fail_at(place, "this rule can never match: the rule at " +
                                   place_beside(policy_, earlier.place, statement.place()) +
                                   " comes before it");
  rules_->push_back(std::move(rule));
}

void MessageRules::read_learn(Statement& statement, const Token& word, MessageRule& rule) {
  constexpr std::chrono::seconds kLongestEntry = std::chrono::days(365);
  if (rule.action != MessageAction::kDefer && rule.action != MessageAction::kReject)
    statement.fail_at(word, "only the source of what is deferred or rejected can be learned");
  if (std::any_of(rule.conditions.begin(), rule.conditions.end(), holds_for_a_fault))
    statement.fail_at(word,
                      "this rule holds where the DNS fails, which is no evidence of anything");
  if (std::any_of(rule.conditions.begin(), rule.conditions.end(), holds_for_a_broken_signature))
    statement.fail_at(word,
                      "this rule holds for a broken signature, which is no evidence of anything "
                      "(RFC 6376 section 6.3): forwarders and mailing lists break them");
  if (std::none_of(rule.conditions.begin(), rule.conditions.end(), is_about_source))
    statement.fail_at(word,
                      "this rule does not look at the source: nothing is to be learned of it; add "
                      "a condition such as name, rdns or category");
  const auto& duration = statement.peek();
  rule.learn = statement.expect_duration();
  if (rule.learn > kLongestEntry)
    statement.fail_at(duration, "what is learned is kept for 365d at most");
}

Condition MessageRules::read_condition(Statement& statement) {
  if (statement.accept("dkim")) return read_dkim(statement);
  if (statement.accept("domain")) return read_domain(statement);
  if (statement.accept("reputation")) {
    const auto comparison = statement.expect_comparison();
    return ReputationIs{comparison, statement.expect_score()};
  }
  if (statement.accept("dns")) return read_dns(statement);
  if (statement.accept("category")) return read_source_category(statement);
  if (statement.accept("list")) return read_source_list(statement);
  if (statement.accept("rdns")) return read_reverse(statement);
  if (statement.accept("name")) return read_name(statement, NamedBy::kReverseDns);
  if (statement.accept("helo-name")) return read_name(statement, NamedBy::kHelo);
  statement.fail_here(listed({"any", "dkim", "domain", "reputation", "dns", "category", "list",
                              "rdns", "name", "helo-name"}));
}

Condition MessageRules::read_domain(Statement& statement) {
  const auto& place = statement.peek();
  if (statement.accept("in")) {
    const auto& name_place = statement.peek();
    const auto name = statement.expect_name("the name of a list or a category");
    return resolve_domains(statement, name_place, name);
  }
  if (!place.is_operator("=") && !place.is_operator("!=")) statement.fail_here("=, != or in");
  const auto comparison = statement.expect_equality();
  const auto& domain_place = statement.peek();
  std::string why;
  const auto domain = canonical_domain(statement.expect_string("a domain"), &why);
  if (!domain) statement.fail_at(domain_place, why);
  return DomainIs{comparison, *domain};
}

DomainInList MessageRules::resolve_domains(const Statement& statement, const Token& place,
                                           const std::string& name) {
  const auto list = list_named(policy_, name);
  auto lists = lists_with_category(policy_, name);
  if (!list && lists.empty())
    statement.fail_at(place, "there is no list and no category " + quoted(name));
  if (list && !lists.empty() && lists != std::vector{*list})
    statement.fail_at(place,
                      quoted(name) + " is a list and also a category with other lists; rename one");
  if (list) lists = {*list};
  std::erase_if(lists, [&](size_t i) { return !may_have_domains(policy_.lists[i]); });
  if (lists.empty()) statement.fail_at(place, quoted(name) + " has no list of domains");
  return {std::move(lists)};
}

Condition MessageRules::read_source_category(Statement& statement) {
  const auto& place = statement.peek();
  const auto name = statement.expect_name("the name of a category");
  const auto lists = lists_with_category(policy_, name);
  if (lists.empty()) statement.fail_at(place, "no list has category " + quoted(name));
  if (std::all_of(lists.begin(), lists.end(),
                  [&](size_t list) { return has_only_domains(policy_.lists[list]); }))
    statement.fail_at(place, "category " + quoted(name) +
                                 " has only lists of domains; say \"domain in " + name + '"');
  return SourceInCategory{name};
}

Condition MessageRules::read_source_list(Statement& statement) {
  const auto& place = statement.peek();
  const auto name = statement.expect_name("the name of a list");
  const auto list = list_named(policy_, name);
  if (!list) statement.fail_at(place, "there is no list " + quoted(name));
  if (has_only_domains(policy_.lists[*list]))
    statement.fail_at(place,
                      "list " + quoted(name) + " has domains; say \"domain in " + name + '"');
  return SourceInList{*list};
}

}  // namespace postern
