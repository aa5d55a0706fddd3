// SPDX-License-Identifier: BSD-3-Clause
//
// signature NAME /REGEX/ drop|reset [learn DURATION] (rules/policy/signatures.h)
#include "rules/policy/signatures.h"

#include <algorithm>

#include "rules/abi/snapshot_format.h"
#include "rules/policy/names.h"
#include "rules/text/pattern_set.h"
#include "rules/text/quoted.h"

namespace postern {
namespace {

constexpr size_t kMaxPattern = 512;
constexpr std::chrono::seconds kLongestEntry = std::chrono::days(365);  // as for any learned entry

}  // namespace

void read_signature(Statement& statement, Policy& policy) {
  Signature signature;
  signature.place = statement.place();
  const auto& name = statement.peek();
  signature.name = statement.expect_name("the name of a signature");
  const auto other = std::ranges::find(policy.signatures, signature.name, &Signature::name);
  if (other != policy.signatures.end())
    statement.fail_at(name, "there is a signature " + quoted(signature.name) + " already, at " +
                                place_beside(policy, other->place, statement.place()));
  if (policy.signatures.size() == PS_MAX_SIGNATURES)
    statement.fail_at(name, "more than " + std::to_string(PS_MAX_SIGNATURES) + " signatures");

  const auto& pattern = statement.peek();
  signature.pattern = statement.expect_pattern();
  if (signature.pattern.size() > kMaxPattern)
    statement.fail_at(pattern,
                      "the pattern has more than " + std::to_string(kMaxPattern) + " bytes");
  if (const auto complaint = PatternSet::complaint_about(signature.pattern); !complaint.empty())
    statement.fail_at(pattern, "this is no pattern: " + complaint);

  if (statement.accept("reset"))
    signature.action = Action::RESET;
  else if (!statement.accept("drop"))
    statement.fail_here(listed({"drop", "reset"}));
  if (statement.accept("learn")) {
    const auto& duration = statement.peek();
    signature.learn = statement.expect_duration();
    if (signature.learn > kLongestEntry)
      statement.fail_at(duration, "what is learned is kept for 365d at most");
  }
  statement.expect_end();
  policy.signatures.push_back(std::move(signature));
}

std::vector<std::string> patterns_of(const std::vector<Signature>& signatures) {
  std::vector<std::string> patterns;
  for (const auto& signature : signatures) patterns.push_back(signature.pattern);
  return patterns;
}

}  // namespace postern
