// SPDX-License-Identifier: BSD-3-Clause
//
// Reading `connection to` and `connection from` blocks: the header and the rules that follow it. A
// rule that can never match, because the rules before it take all that it would, is refused:
// someone meant something else. What is said of that is certain: a rule that only might be out of
// reach is let through.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "rules/policy/policy.h"
#include "rules/policy/statement.h"

namespace postern {

class ConnectionRules {
 public:
  // All lists and services are declared by now.
  explicit ConnectionRules(Policy& policy);

  // Behind `connection`. From then on rules belong to this block, even if the header is faulty.
  void read_header(Statement& statement);
  void read_rule(Statement& statement);

 private:
  void read_services(Statement& statement, ConnectionPolicy& block);
  void read_sources(Statement& statement, OutboundPolicy& block);
  void read_action(Statement& statement, ConnectionRule& rule);
  RateLimit read_rate(Statement& statement, bool may_refuse);
  void read_match(Statement& statement, AddressMatch& match);
  InList read_list(Statement& statement);
  InCategory read_category(Statement& statement);
  void check_limit_count(const Statement& statement, const Token& token,
                         const ConnectionRule& rule);
  struct SumRange {  // sums of weights, both ends included
    int64_t first, last;
  };
  static constexpr SumRange kAllSums = {INT32_MIN, INT32_MAX};  // beyond what lists can add up to
  static SumRange sums_of(const WeightIs& match);
  void check_reachable(const Statement& statement, const Token& token, const ConnectionRule& rule);

  Policy& policy_;
  // Within the block that is being read:
  bool from_inside_ = false;
  std::vector<ConnectionRule>* rules_ = nullptr;
  // What the rules of one kind take: of each kind the first that matches counts. A number is a
  // rule's index in the block.
  enum Kind { kEnding, kLimit, kObservedLimit, kObserved, kKinds };
  struct Taken {
    std::optional<size_t> any;                   // the first rule that takes all there is
    std::vector<std::optional<size_t>> by_list;  // per list: the first that takes it
    std::vector<std::pair<SumRange, size_t>> sums;
  };
  static Kind kind_of(const ConnectionRule& rule) noexcept;
  std::optional<size_t> last_that_takes(Kind kind, SumRange sums) const;
  std::optional<size_t> last_that_takes(Kind kind, const AddressMatch& match) const;
  std::array<Taken, kKinds> taken_;
  // Over all blocks:
  std::vector<std::optional<PolicyPlace>> judged_by_;  // per service: the block that judges it
  std::vector<std::optional<PolicyPlace>> sources_taken_by_;  // per list: the block that judges it
  struct Limit {
    RateLimit rate;
    bool observe;
    bool operator==(const Limit&) const = default;
  };
  std::vector<Limit> limits_;  // each once
};

}  // namespace postern
