// SPDX-License-Identifier: BSD-3-Clause
//
// `connection` blocks and their rules (rules/policy/connection_rules.h).
#include "rules/policy/connection_rules.h"

#include <algorithm>
#include <charconv>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/names.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr int kHeaviestSum = 1'000'000;
constexpr uint32_t kLargestRate = 1'000'000;

// "20/minute"
bool read_rate_word(std::string_view text, RateLimit& rate) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate.count);
  if (error != std::errc{} || rate.count == 0 || rate.count > kLargestRate) return false;
  const std::string_view unit(end, text.data() + text.size());
  constexpr std::pair<std::string_view, std::chrono::seconds> kUnits[] = {
      {"/second", std::chrono::seconds(1)},
      {"/minute", std::chrono::minutes(1)},
      {"/hour", std::chrono::hours(1)},
      {"/day", std::chrono::days(1)}};
  for (const auto& [word, seconds] : kUnits) {
    if (unit != word) continue;
    rate.per = seconds;
    return true;
  }
  return false;
}

// By what the last of these lists was taken, if all of them are.
template <typename By>
std::optional<By> last_taken(const std::vector<size_t>& lists,
                             const std::vector<std::optional<By>>& taken_by) {
  std::optional<By> last;
  for (const size_t list : lists) {
    if (!taken_by[list]) return std::nullopt;
    last = std::max(last, taken_by[list]);
  }
  return last;
}

}  // namespace

ConnectionRules::ConnectionRules(Policy& policy)
    : policy_(policy), judged_by_(policy.services.size()) {}

void ConnectionRules::read_header(Statement& statement) {
  for (auto& taken : taken_) {
    taken.any.reset();
    taken.by_list.assign(policy_.lists.size(), std::nullopt);
    taken.sums.clear();
  }
  sources_taken_by_.resize(policy_.lists.size());
  from_inside_ = statement.accept("from");
  if (from_inside_) {
    auto& block = policy_.outbound.emplace_back();
    block.place = statement.place();
    rules_ = &block.rules;
    read_sources(statement, block);
  } else {
    auto& block = policy_.connections.emplace_back();
    block.place = statement.place();
    rules_ = &block.rules;
    if (!statement.accept("to")) statement.fail_here(listed({"\"to\"", "\"from\""}));
    read_services(statement, block);
  }
  statement.expect_end();
}

void ConnectionRules::read_services(Statement& statement, ConnectionPolicy& block) {
  do {
    const auto& token = statement.peek();
    const auto name = statement.expect_name("the name of a service");
    const auto service = service_named(policy_, name);
    if (!service) statement.fail_at(token, "there is no service " + quoted(name));
    auto& judged_by = judged_by_[*service];
    if (judged_by)
      statement.fail_at(token, "connections to " + quoted(name) + " are judged at " +
                                   place_beside(policy_, *judged_by, statement.place()) +
                                   " already");
    judged_by = statement.place();
    block.services.push_back(*service);
  } while (statement.accept_operator(","));
}

// What a source is in several blocks for is judged by the first of them.
void ConnectionRules::read_sources(Statement& statement, OutboundPolicy& block) {
  std::vector<size_t> all_taken;
  do {
    const auto& token = statement.peek();
    std::vector<size_t> needed, taken;
    if (statement.accept("list")) {
      const auto& source =
          block.sources.emplace_back(std::in_place_type<InList>, read_list(statement));
      needed = taken = {std::get<InList>(source).list};
    } else if (statement.accept("category")) {
      const auto& source =
          block.sources.emplace_back(std::in_place_type<InCategory>, read_category(statement));
      needed = lists_with_category(policy_, std::get<InCategory>(source).category);
      taken = lists_in_category(policy_, std::get<InCategory>(source).category);
    } else {
      statement.fail_here(listed({"list", "category"}));
    }
    if (const auto before = last_taken(needed, sources_taken_by_))
      statement.fail_at(token, "what comes from these is judged at " +
                                   place_beside(policy_, *before, statement.place()) + " already");
    all_taken.insert(all_taken.end(), taken.begin(), taken.end());
  } while (statement.accept_operator(","));
  for (const size_t list : all_taken)
    if (!sources_taken_by_[list]) sources_taken_by_[list] = statement.place();
  if (statement.accept("port")) block.port = statement.expect_port();
}

void ConnectionRules::read_rule(Statement& statement) {
  const auto& first = statement.peek();
  ConnectionRule rule;
  rule.place = statement.place();
  rule.observe = statement.accept("observe");
  if (statement.accept("limit")) {
    read_match(statement, rule.match);
    rule.limit = read_rate(statement, !from_inside_);
  } else {
    read_action(statement, rule);
  }
  statement.expect_end();
  if (rules_->size() == PS_MAX_RULES_PER_POLICY)
    statement.fail_at(
        first, "more than " + std::to_string(PS_MAX_RULES_PER_POLICY) + " rules in one block");
  check_limit_count(statement, first, rule);
  check_reachable(statement, first, rule);
  rule.text = statement.text();
  rules_->push_back(std::move(rule));
}

void ConnectionRules::read_action(Statement& statement, ConnectionRule& rule) {
  const auto& token = statement.peek();
  const auto action = action_from(token.text);
  if (token.kind != Token::Kind::kWord || !action)
    statement.fail_here(
        listed({"allow", "inspect", "drop", "reset", "refuse", "limit", "observe"}));
  if (*action == Action::REFUSE && from_inside_)
    statement.fail_at(token, "\"refuse\" speaks to a sender outside; from inside use reset");
  rule.action = *action;
  statement.take();
  if (rule.action == Action::REFUSE) rule.greeting = statement.accept("greeting");
  read_match(statement, rule.match);
  const auto& end = statement.peek();
  if (!statement.accept("hard")) return;
  if (rule.action != Action::DROP && rule.action != Action::RESET)
    statement.fail_at(end, "\"hard\" goes with drop and reset");
  rule.hard = true;
}

RateLimit ConnectionRules::read_rate(Statement& statement, bool may_refuse) {
  constexpr std::string_view kWanted =
      "a rate such as 20/minute (second, minute, hour, day), at most 1000000";
  RateLimit rate{};
  if (statement.peek().kind != Token::Kind::kWord || !read_rate_word(statement.peek().text, rate))
    statement.fail_here(kWanted);
  statement.take();
  rate.burst = rate.count;
  if (statement.accept("burst")) {
    const auto& token = statement.peek();
    rate.burst = static_cast<uint32_t>(statement.expect_integer(1, kLargestRate));
    constexpr std::chrono::nanoseconds kHorizon(PS_LIMIT_HORIZON);
    if (rate.burst > rate.count * (kHorizon / std::chrono::nanoseconds(rate.per)))
      statement.fail_at(token,
                        "at this rate, such a burst takes more than 73 years to be free again");
  }
  statement.expect("else");
  if (statement.accept("drop"))
    rate.otherwise = Action::DROP;
  else if (statement.accept("reset"))
    rate.otherwise = Action::RESET;
  else if (may_refuse && statement.accept("refuse"))
    rate.otherwise = Action::REFUSE;
  else
    statement.fail_here(may_refuse ? listed({"drop", "reset", "refuse"})
                                   : listed({"drop", "reset"}));
  return rate;
}

// Into a match that is there: g++ 12 is wrong about returning one (-Wmaybe-uninitialized).
void ConnectionRules::read_match(Statement& statement, AddressMatch& match) {
  if (from_inside_) statement.accept("to");
  if (statement.accept("any")) {
    match.emplace<AnyAddress>();
  } else if (statement.accept("list")) {
    match.emplace<InList>(read_list(statement));
  } else if (statement.accept("category")) {
    match.emplace<InCategory>(read_category(statement));
  } else if (statement.accept("weight")) {
    const auto& token = statement.peek();
    const auto comparison = statement.expect_comparison();
    if (comparison == Comparison::kNotEqual)
      statement.fail_at(token, "a weight is compared with one of = < <= > >=");
    const auto weight = statement.expect_integer(-kHeaviestSum, kHeaviestSum);
    match.emplace<WeightIs>(WeightIs{comparison, weight});
  } else {
    statement.fail_here(listed({"any", "list", "category", "weight"}));
  }
}

InList ConnectionRules::read_list(Statement& statement) {
  const auto& token = statement.peek();
  const auto name = statement.expect_name("the name of a list");
  const auto list = list_named(policy_, name);
  if (!list) statement.fail_at(token, "there is no list " + quoted(name));
  if (has_only_domains(policy_.lists[*list]))
    statement.fail_at(token, "list " + quoted(name) + " has domains; a connection has addresses");
  return {*list};
}

InCategory ConnectionRules::read_category(Statement& statement) {
  const auto& token = statement.peek();
  const auto name = statement.expect_name("the name of a category");
  const auto lists = lists_with_category(policy_, name);
  if (lists.empty()) statement.fail_at(token, "no list has category " + quoted(name));
  if (std::all_of(lists.begin(), lists.end(),
                  [&](size_t list) { return has_only_domains(policy_.lists[list]); }))
    statement.fail_at(token, "category " + quoted(name) +
                                 " has only lists of domains; a connection has addresses");
  return {name};
}

void ConnectionRules::check_limit_count(const Statement& statement, const Token& token,
                                        const ConnectionRule& rule) {
  if (!rule.limit) return;
  const Limit limit{*rule.limit, rule.observe};
  if (std::find(limits_.begin(), limits_.end(), limit) != limits_.end()) return;
  if (limits_.size() == PS_MAX_LIMITS)
    statement.fail_at(token, "more than " + std::to_string(PS_MAX_LIMITS) + " different limits");
  limits_.push_back(limit);
}

ConnectionRules::SumRange ConnectionRules::sums_of(const WeightIs& match) {
  SumRange sums = kAllSums;
  switch (match.comparison) {
    case Comparison::kEqual:
    case Comparison::kNotEqual:  // not in the grammar
      sums.first = sums.last = match.weight;
      break;
    case Comparison::kLess:
      sums.last = int64_t{match.weight} - 1;
      break;
    case Comparison::kLessEqual:
      sums.last = match.weight;
      break;
    case Comparison::kGreater:
      sums.first = int64_t{match.weight} + 1;
      break;
    case Comparison::kGreaterEqual:
      sums.first = match.weight;
      break;
  }
  return sums;
}

ConnectionRules::Kind ConnectionRules::kind_of(const ConnectionRule& rule) noexcept {
  if (rule.limit) return rule.observe ? kObservedLimit : kLimit;
  return rule.observe ? kObserved : kEnding;
}

// The last of the rules that together take all of these sums from a rule of that kind, if they do.
std::optional<size_t> ConnectionRules::last_that_takes(Kind kind, SumRange sums) const {
  std::optional<size_t> last;
  while (sums.first <= sums.last) {
    std::optional<size_t> rule;
    int64_t taken_to = 0;
    for (const auto by : {kEnding, kind})
      for (const auto& [taken, number] : taken_[by].sums)
        if (taken.first <= sums.first && sums.first <= taken.last && (!rule || number < *rule)) {
          rule = number;
          taken_to = taken.last;
        }
    if (!rule) return std::nullopt;
    last = std::max(last, rule);
    sums.first = taken_to + 1;
  }
  return last;
}

// Likewise of all that a rule could match.
std::optional<size_t> ConnectionRules::last_that_takes(Kind kind, const AddressMatch& match) const {
  const auto &ending = taken_[kEnding], &own = taken_[kind];
  for (const auto* taken : {&ending, &own})
    if (taken->any) return taken->any;
  if (const auto* weight = std::get_if<WeightIs>(&match))
    return last_that_takes(kind, sums_of(*weight));
  if (const auto all = last_that_takes(kind, kAllSums)) return all;
  std::vector<size_t> lists;  // that have all of it
  if (const auto* in_list = std::get_if<InList>(&match))
    lists = {in_list->list};
  else if (const auto* in_category = std::get_if<InCategory>(&match))
    lists = lists_with_category(policy_, in_category->category);
  auto by_list = ending.by_list;
  for (const size_t list : lists)
    if (!by_list[list] || (own.by_list[list] && *own.by_list[list] < *by_list[list]))
      by_list[list] = own.by_list[list];
  return last_taken(lists, by_list);
}

void ConnectionRules::check_reachable(const Statement& statement, const Token& token,
                                      const ConnectionRule& rule) {
  const auto kind = kind_of(rule);
  if (const auto before = last_that_takes(kind, rule.match))
    statement.fail_at(token,
                      "this rule can never match: the rule at " +
                          place_beside(policy_, rules_->at(*before).place, statement.place()) +
                          " comes before it");
  auto& own = taken_[kind];
  const size_t number = rules_->size();
  std::vector<size_t> lists;  // that have nothing else
  if (const auto* in_list = std::get_if<InList>(&rule.match))
    lists = {in_list->list};
  else if (const auto* in_category = std::get_if<InCategory>(&rule.match))
    lists = lists_in_category(policy_, in_category->category);
  else if (const auto* weight = std::get_if<WeightIs>(&rule.match))
    own.sums.emplace_back(sums_of(*weight), number);
  else
    own.any = number;
  for (const size_t list : lists)
    if (!own.by_list[list]) own.by_list[list] = number;
}

}  // namespace postern
