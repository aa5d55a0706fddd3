// SPDX-License-Identifier: BSD-3-Clause
//
// NamesHypothesis: what might be true of a client's names where the DNS did not answer: every way
// that the message rules of a policy can tell from the others is tried, as for signatures
// (control/policy/message_policy.h).
#pragma once

#include <string>
#include <vector>

#include "control/policy/client_names.h"
#include "rules/policy/policy.h"

namespace postern::policy {

struct NamesHypothesis {
  ClientNames::Reverse reverse = ClientNames::Reverse::kNone;  // never kTemperror
  std::string name_class;  // one that no rule names stands for all of these
  bool unknown = false;    // nothing can be said of the names
};

// Whether any message rule of it has a condition on what reverse DNS says.
bool look_at_names(const Policy& policy);
// Whether any has one on the class of a name, also in HELO: of no use without tables.
bool look_at_classes(const Policy& policy);

// One where nothing is missing that the rules look at. Where they name more than kMaxClasses
// classes, the cases are not counted out: then there is one that is unknown.
constexpr size_t kMaxClasses = 8;
std::vector<NamesHypothesis> names_hypotheses(const std::vector<MessageRule>& rules,
                                              const ClientNames& names);

}  // namespace postern::policy
