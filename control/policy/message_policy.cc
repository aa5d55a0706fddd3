// SPDX-License-Identifier: BSD-3-Clause
//
// How a missing answer is handled: a signature whose key did not come is tried with every result
// that the key could have led to. There are two kinds of them, pass and the words for not passing;
// which of the latter holds matters only where no signature passed. So with n such signatures there
// are at most 2^n - 1 cases with a pass and four without. Beyond kMaxMissing signatures the cases
// are not counted out any more: conditions on authentication are then simply unknown. Each is tried
// with everything that may be true of the client's names (control/policy/name_hypotheses.h).
#include "control/policy/message_policy.h"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>
#include <variant>

#include "control/policy/deferral.h"
#include "control/policy/name_hypotheses.h"
#include "rules/policy/signatures.h"

namespace postern::policy {
namespace {

using auth::Result;

constexpr size_t kMaxMissing = 6;

// What might be true of the signatures, and of the client's names.
struct Hypothesis {
  bool unknown = false;      // nothing can be said of authentication
  bool unseen = false;       // nor of anything else of the message: it has not come yet
  std::vector<Result> dkim;  // parallel to AuthResult::dkim
  NamesHypothesis names = {};
};

enum class Truth : uint8_t { kFalse, kTrue, kUnknown };

Truth truth(bool value) noexcept {
  return value ? Truth::kTrue : Truth::kFalse;
}

Truth negate_if(Truth value, bool negate) noexcept {
  if (value == Truth::kUnknown || !negate) return value;
  return truth(value == Truth::kFalse);
}

// Best first. policy: it verified, but not in a way that counts (RFC 8601 §2.7.1).
constexpr std::array<Result, 7> kBestFirst = {
    Result::kPass, Result::kTempError, Result::kPolicy, Result::kNeutral,
    Result::kFail, Result::kPermError, Result::kNone};

Result best_of(const std::vector<Result>& results) {
  for (const Result candidate : kBestFirst)
    if (std::find(results.begin(), results.end(), candidate) != results.end()) return candidate;
  return Result::kNone;
}

std::vector<Result> results_of(const auth::AuthResult& auth) {
  std::vector<Result> results;
  for (const auto& signature : auth.dkim)
    // A key that nobody waits for any more is none, and such a signature as if it were not there.
    results.push_back(signature.given_up ? Result::kNone : signature.result);
  return results;
}

std::vector<Hypothesis> hypotheses_for(const MessageFacts& message) {
  const auto seen = results_of(message.auth);
  const auto missing = missing_of(message.auth);
  if (missing.empty()) return {Hypothesis{.unknown = false, .dkim = seen}};
  if (missing.size() > kMaxMissing) return {Hypothesis{.unknown = true, .dkim = {}}};
  std::vector<Hypothesis> all;
  for (const Result without :
       {Result::kFail, Result::kPermError, Result::kPolicy, Result::kNeutral}) {
    Hypothesis none_passed{.unknown = false, .dkim = seen};
    for (const size_t i : missing) none_passed.dkim[i] = without;
    all.push_back(std::move(none_passed));
  }
  for (size_t passing = 1; passing < size_t{1} << missing.size(); passing++) {
    Hypothesis some_passed{.unknown = false, .dkim = seen};
    for (size_t bit = 0; bit < missing.size(); bit++) {
      const bool passes = (passing >> bit & 1) != 0;
      some_passed.dkim[missing[bit]] = passes ? Result::kPass : Result::kFail;
    }
    all.push_back(std::move(some_passed));
  }
  return all;
}

Result result_of(DkimWord word) noexcept {
  switch (word) {
    case DkimWord::kPass:
      return Result::kPass;
    case DkimWord::kFail:
      return Result::kFail;
    case DkimWord::kNone:
      return Result::kNone;
    case DkimWord::kPolicy:
      return Result::kPolicy;
    case DkimWord::kNeutral:
      return Result::kNeutral;
    case DkimWord::kTempError:
      return Result::kTempError;
    case DkimWord::kPermError:
      return Result::kPermError;
  }
  return Result::kNone;
}

ClientNames::Reverse reverse_of(ReverseWord word) noexcept {
  using Reverse = ClientNames::Reverse;
  switch (word) {
    case ReverseWord::kNone:
      return Reverse::kNone;
    case ReverseWord::kConfirmed:
      return Reverse::kConfirmed;
    case ReverseWord::kUnconfirmed:
      return Reverse::kUnconfirmed;
    case ReverseWord::kTempError:
      return Reverse::kTemperror;
  }
  return Reverse::kTemperror;
}

bool is_or_is_below(std::string_view name, std::string_view domain) noexcept {
  if (!name.ends_with(domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

// name or one of its parents is in the sorted list.
bool listed(const std::vector<std::string>& domains, std::string_view name) {
  for (;;) {
    if (std::binary_search(domains.begin(), domains.end(), name)) return true;
    const size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    name.remove_prefix(dot + 1);
  }
}

// All that conditions are evaluated against, under one hypothesis.
class Evaluation {
 public:
  Evaluation(const Snapshot& snapshot, const SessionFacts& session, const MessageFacts& message,
             const Hypothesis& hypothesis)
      : snapshot_(snapshot), session_(session), message_(message), hypothesis_(hypothesis) {}

  Truth holds(const MessageRule& rule) const {
    Truth all = Truth::kTrue;
    for (const Condition& condition : rule.conditions) {
      const Truth one = std::visit([this](const auto& c) { return holds(c); }, condition);
      if (one == Truth::kFalse) return Truth::kFalse;
      if (one == Truth::kUnknown) all = Truth::kUnknown;
    }
    return all;
  }

 private:
  Truth holds(const DkimIs& condition) const {
    // "dkim = temperror" asks what was seen, not what might have been.
    if (hypothesis_.unseen) return Truth::kUnknown;
    const bool asks_of_failure = condition.word == DkimWord::kTempError;
    if (!asks_of_failure && hypothesis_.unknown) return Truth::kUnknown;
    const Result best = best_of(asks_of_failure ? results_of(message_.auth) : hypothesis_.dkim);
    return negate_if(truth(best == result_of(condition.word)),
                     condition.comparison == Comparison::kNotEqual);
  }

  Truth holds(const DomainIs& condition) const {
    if (hypothesis_.unknown) return Truth::kUnknown;
    bool found = false;
    for (const auto& domain : passing_domains())
      found = found || is_or_is_below(domain, condition.domain);
    return negate_if(truth(found), condition.comparison == Comparison::kNotEqual);
  }

  Truth holds(const DomainInList& condition) const {
    if (hypothesis_.unknown) return Truth::kUnknown;
    for (const size_t list : condition.lists) {
      if (expired(list)) continue;
      for (const auto& domain : passing_domains())
        if (listed(snapshot_.domains_of(list), domain)) return Truth::kTrue;
    }
    return Truth::kFalse;
  }

  Truth holds(const ReputationIs& condition) const {
    if (hypothesis_.unknown) return Truth::kUnknown;
    const auto passing = passing_domains();
    const auto& missing = message_.reputation_missing;
    if (!passing.empty() &&
        std::find(missing.begin(), missing.end(), passing.front()) != missing.end())
      return Truth::kUnknown;
    return truth(compares(reputation(), condition.comparison, condition.score));
  }

  Truth holds(const DnsIs& condition) const {
    if (hypothesis_.unseen) return Truth::kUnknown;
    return negate_if(truth(message_.auth.dns_failed == condition.error),
                     condition.comparison == Comparison::kNotEqual);
  }

  Truth holds(const SourceInCategory& condition) const {
    for (const uint32_t number : snapshot_.sublists_of(session_.address_class)) {
      const auto& sublist = snapshot_.sublists()[number];
      if (sublist.counts_at(message_.now) && sublist.category == condition.category)
        return Truth::kTrue;
    }
    return Truth::kFalse;
  }

  Truth holds(const SourceInList& condition) const {
    const auto lists = snapshot_.lists_of(session_.address_class, message_.now);
    return truth(std::find(lists.begin(), lists.end(), condition.list) != lists.end());
  }

  // A client without an address has no names, and what is said of them does not hold.
  Truth holds(const ReverseIs& condition) const {
    using Reverse = ClientNames::Reverse;
    const bool not_equal = condition.comparison == Comparison::kNotEqual;
    if (!session_.client) return negate_if(Truth::kFalse, not_equal);
    const auto word = reverse_of(condition.word);
    // As for DKIM, what was seen. Before the end the look-up may still be under way.
    if (word == Reverse::kTemperror) {
      const bool failed = session_.names.reverse == word;
      if (failed && hypothesis_.unseen) return Truth::kUnknown;
      return negate_if(truth(failed), not_equal);
    }
    if (hypothesis_.names.unknown) return Truth::kUnknown;
    return negate_if(truth(hypothesis_.names.reverse == word), not_equal);
  }

  Truth holds(const NameIs& condition) const {
    const bool not_equal = condition.comparison == Comparison::kNotEqual;
    if (condition.by == NamedBy::kHelo)
      return negate_if(truth(session_.names.helo.name_class == condition.name_class), not_equal);
    if (!session_.client) return negate_if(Truth::kFalse, not_equal);
    if (hypothesis_.names.unknown) return Truth::kUnknown;
    return negate_if(truth(hypothesis_.names.name_class == condition.name_class), not_equal);
  }

  std::vector<std::string_view> passing_domains() const {
    std::vector<std::string_view> domains;
    for (size_t i = 0; i < hypothesis_.dkim.size(); i++)
      if (hypothesis_.dkim[i] == Result::kPass) domains.push_back(message_.auth.dkim[i].domain);
    return domains;
  }

  double reputation() const {
    const auto passing = passing_domains();
    if (passing.empty()) return 0.5;
    if (passing.front() == message_.signing_domain) return message_.reputation.value_or(0.5);
    for (const auto& known : message_.known_domains)
      if (known.domain == passing.front()) return known.reputation;
    return 0.5;
  }

  bool expired(size_t list) const {
    const auto& expires = snapshot_.lists()[list].expires_at;
    return expires && message_.now >= *expires;
  }

  const Snapshot& snapshot_;
  const SessionFacts& session_;
  const MessageFacts& message_;
  const Hypothesis& hypothesis_;
};

Action action_of(const MessageRule* rule) noexcept {
  if (rule == nullptr) return Action::kAccept;
  switch (rule->action) {
    case MessageAction::kAccept:
      return Action::kAccept;
    case MessageAction::kTag:
      return Action::kTag;
    case MessageAction::kQuarantine:
      return Action::kQuarantine;
    case MessageAction::kDefer:
      return Action::kDefer;
    case MessageAction::kReject:
      return Action::kReject;
  }
  return Action::kAccept;
}

// The rules that could decide under one hypothesis, in their order; nullptr at the end: none does.
// More than one only where something stays unknown.
void collect(const Evaluation& evaluation, const std::vector<MessageRule>& rules,
             std::vector<const MessageRule*>& deciding) {
  for (const MessageRule& rule : rules) {
    const Truth holds = evaluation.holds(rule);
    if (holds == Truth::kFalse) continue;
    deciding.push_back(&rule);
    if (holds == Truth::kTrue) return;
  }
  deciding.push_back(nullptr);
}

bool is_about_dns(const Condition& condition) noexcept {
  if (const auto* dns = std::get_if<DnsIs>(&condition))
    return dns->error == (dns->comparison == Comparison::kEqual);
  if (const auto* reverse = std::get_if<ReverseIs>(&condition))
    return reverse->word == ReverseWord::kTempError && reverse->comparison == Comparison::kEqual;
  const auto* dkim = std::get_if<DkimIs>(&condition);
  return dkim != nullptr && dkim->word == DkimWord::kTempError &&
         dkim->comparison == Comparison::kEqual;
}

// The first of the client's lists that the rule looked at, or nullptr.
const ListFacts* list_concerned(const MessageRule& rule, const Snapshot& snapshot,
                                ClassId address_class, int64_t now) {
  for (const Condition& condition : rule.conditions) {
    for (const uint32_t number : snapshot.sublists_of(address_class)) {
      const auto& sublist = snapshot.sublists()[number];
      if (!sublist.counts_at(now)) continue;
      const auto& facts = snapshot.lists()[sublist.list];
      if (const auto* in_category = std::get_if<SourceInCategory>(&condition))
        if (sublist.category == in_category->category) return &facts;
      if (const auto* in_list = std::get_if<SourceInList>(&condition))
        if (in_list->list == sublist.list) return &facts;
    }
    if (const auto* in_domains = std::get_if<DomainInList>(&condition))
      return &snapshot.lists()[in_domains->lists.front()];
  }
  return nullptr;
}

std::string named_text(const ClassedName& name) {
  std::string text = name.name + " (" + name.name_class;
  if (!name.place.empty()) text += ", " + name.place;
  return text + ')';
}

// What the rule saw of the client's names, for the sender; empty: it did not look.
std::string names_concerned(const MessageRule& rule, const SessionFacts& session) {
  const auto& names = session.names;
  std::string text;
  bool told = false;
  for (const Condition& condition : rule.conditions) {
    const auto* name = std::get_if<NameIs>(&condition);
    if (name != nullptr && name->by == NamedBy::kHelo) {
      text += ", HELO name " + named_text(names.helo);
    } else if ((name != nullptr || std::holds_alternative<ReverseIs>(condition)) && !told) {
      told = true;
      text += names.evidence.name.empty() ? ", reverse name: "
                                          : ", reverse name " + named_text(names.evidence) + ", ";
      text += dns::word(names.reverse);
    }
  }
  return text;
}

Disposition disposition_of(const MessageRule* rule, const Snapshot& snapshot,
                           const SessionFacts& session, int64_t now) {
  Disposition disposition;
  if (rule == nullptr) {
    disposition.explanation = "no rule decided";
    return disposition;
  }
  disposition.action = action_of(rule);
  disposition.rule = rule->text;
  disposition.rule_place = place_text(snapshot.policy(), rule->place);
  disposition.explanation = "by the rule \"" + rule->text + "\"";
  if (const ListFacts* list = list_concerned(*rule, snapshot, session.address_class, now)) {
    disposition.contact = list->contact;
    disposition.explanation += ", list " + list->name;
    if (!list->category.empty()) disposition.explanation += " (" + list->category + ")";
  }
  if (const auto names = names_concerned(*rule, session); !names.empty()) {
    disposition.explanation += names;
    if (disposition.contact.empty()) disposition.contact = session.names.contact;
  }
  disposition.for_dns = disposition.action == Action::kDefer &&
                        std::any_of(rule->conditions.begin(), rule->conditions.end(), is_about_dns);
  return disposition;
}

}  // namespace

std::string_view word(Action action) noexcept {
  switch (action) {
    case Action::kAccept:
      return "accept";
    case Action::kTag:
      return "tag";
    case Action::kQuarantine:
      return "quarantine";
    case Action::kDefer:
      return "defer";
    case Action::kReject:
      return "reject";
  }
  return "accept";
}

MessagePolicy::MessagePolicy(std::shared_ptr<const Snapshot> snapshot)
    : snapshot_(std::move(snapshot)),
      blocks_(*snapshot_),
      signatures_(patterns_of(snapshot_->policy().signatures)),
      scratch_(signatures_),
      looks_at_names_(look_at_names(snapshot_->policy())) {}

const Signature* MessagePolicy::signature_in(std::string_view helo) const noexcept {
  const auto found = signatures_.first_in(helo, scratch_);
  return found ? &snapshot_->policy().signatures[*found] : nullptr;
}

const std::vector<MessageRule>& MessagePolicy::rules_of(RuleBlock block) const {
  static const std::vector<MessageRule> kNone;
  if (block == RuleBlock::kRole) return kNone;
  const auto& policy = snapshot_->policy();
  if (block == RuleBlock::kGeneral) return policy.messages;
  return policy.message_blocks[index_of(block)].rules;
}

std::string_view MessagePolicy::name_of(RuleBlock block) const {
  if (block == RuleBlock::kRole) return "message to postmaster and abuse";
  if (block == RuleBlock::kGeneral) return "message";
  return snapshot_->policy().message_blocks[index_of(block)].text;
}

Disposition MessagePolicy::decide(const SessionFacts& session, const MessageFacts& message,
                                  RuleBlock block) const {
  if (block == RuleBlock::kRole) {
    Disposition disposition;
    disposition.explanation = "no rule is about postmaster and abuse";
    return disposition;
  }
  const auto& rules = rules_of(block);
  const auto names = names_hypotheses(rules, session.names);
  std::vector<const MessageRule*> deciding;
  for (auto hypothesis : hypotheses_for(message))
    for (const auto& named : names) {
      hypothesis.names = named;
      collect(Evaluation(*snapshot_, session, message, hypothesis), rules, deciding);
    }
  const auto* rule = deciding.front();
  const auto differs = [&](const MessageRule* other) {
    return action_of(other) != action_of(rule);
  };
  if (std::any_of(deciding.begin(), deciding.end(), differs)) return deferral(session, message);
  auto disposition = disposition_of(rule, *snapshot_, session, message.now);
  // Evidence names one rule: where it is not known which, there is none.
  if (rule != nullptr &&
      std::count(deciding.begin(), deciding.end(), rule) == static_cast<ptrdiff_t>(deciding.size()))
    disposition.learn = rule->learn;
  return disposition;
}

// The rule that is found looks at the session alone, and so do, as far as it matters, all that do
// not hold before it: whatever comes, they will stand as they do now.
std::optional<Disposition> MessagePolicy::decide_early(const SessionFacts& session, RuleBlock block,
                                                       int64_t now) const {
  MessageFacts unseen;
  unseen.now = now;
  Hypothesis anything{.unknown = true, .unseen = true, .dkim = {}};
  // A name that is still missing may come before the text has.
  const auto names = names_hypotheses(rules_of(block), session.names);
  anything.names = names.front();
  anything.names.unknown |= names.size() > 1;
  const Evaluation evaluation(*snapshot_, session, unseen, anything);
  for (const MessageRule& rule : rules_of(block)) {
    const Truth holds = evaluation.holds(rule);
    if (holds == Truth::kFalse) continue;
    if (holds == Truth::kUnknown || action_of(&rule) < Action::kDefer) return std::nullopt;
    auto disposition = disposition_of(&rule, *snapshot_, session, now);
    disposition.learn = rule.learn;
    return disposition;
  }
  return std::nullopt;
}

}  // namespace postern::policy
