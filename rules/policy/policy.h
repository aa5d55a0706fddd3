// SPDX-License-Identifier: BSD-3-Clause
//
// Policy: what a policy file says, parsed and resolved into types that cannot be wrong: every name
// refers to something declared, every number is in range. No list has been read yet. The grammar is
// in docs/policy.md; rules/policy/parse.h makes a Policy from text.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"

namespace postern {

struct ListDeclaration {
  std::string name;
  std::string file;                             // as written; relative to the policy file
  std::string format;                           // empty: recognised from the file
  std::string category;                         // empty: none
  std::string contact;                          // empty: none
  std::optional<std::chrono::seconds> expires;  // age at which the whole list counts as empty
  std::optional<double> max_change;  // 0.5: refused when it shrank or grew by more than half
  uint32_t line = 0;
};

struct Service {
  std::string name;
  std::vector<Prefix> destinations;
  uint16_t port = 25;
  uint32_t line = 0;
};

// What a connection rule looks at.
struct AnySource {};
struct InList {
  size_t list;  // index into Policy::lists
};
struct InCategory {
  std::string category;
};
using SourceMatch = std::variant<AnySource, InList, InCategory>;

struct ConnectionRule {
  Action action;
  SourceMatch match;
  uint32_t line = 0;
  std::string text;  // the rule as written, blanks folded
};

// `connection to SERVICE...`
struct ConnectionPolicy {
  std::vector<size_t> services;  // indices into Policy::services
  std::vector<ConnectionRule> rules;
  uint32_t line = 0;
};

// Message rules. A rule holds when all its conditions hold; the first that holds decides.
enum class MessageAction { kAccept, kTag, kDefer, kReject };
enum class DkimWord { kPass, kFail, kNone, kPolicy, kNeutral, kTempError, kPermError };
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

struct DkimIs {           // dkim = pass: the best result among the message's signatures
  Comparison comparison;  // kEqual or kNotEqual
  DkimWord word;
  bool operator==(const DkimIs&) const = default;
};
struct DomainIs {  // domain = "example.net": an identity that passed, or a subdomain of it
  Comparison comparison;
  std::string domain;  // lower case, A-labels
  bool operator==(const DomainIs&) const = default;
};
struct DomainInList {  // domain in NAME: a list of domains, or a category of such lists
  std::vector<size_t> lists;
  bool operator==(const DomainInList&) const = default;
};
struct ReputationIs {  // reputation < 0.2: of the signing domain; 0.5 where nothing is known
  Comparison comparison;
  double score;
  bool operator==(const ReputationIs&) const = default;
};
struct DnsIs {  // dns = error | ok: whether an answer that was needed is missing
  Comparison comparison;
  bool error;
  bool operator==(const DnsIs&) const = default;
};
struct SourceInCategory {  // category dynamic: the class of the client's address
  std::string category;
  bool operator==(const SourceInCategory&) const = default;
};
struct SourceInList {
  size_t list;
  bool operator==(const SourceInList&) const = default;
};
using Condition = std::variant<DkimIs, DomainIs, DomainInList, ReputationIs, DnsIs,
                               SourceInCategory, SourceInList>;

struct MessageRule {
  MessageAction action;
  std::vector<Condition> conditions;  // empty: any
  uint32_t line = 0;
  std::string text;  // the rule as written, blanks folded
};

struct Policy {
  std::string file;
  std::string text;  // the whole source, for provenance
  std::vector<ListDeclaration> lists;
  std::vector<Prefix> protects;
  std::vector<uint32_t> protect_lines;  // parallel to protects
  std::vector<Service> services;
  std::vector<ConnectionPolicy> connections;
  std::vector<MessageRule> messages;
};

}  // namespace postern
