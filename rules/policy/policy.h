// SPDX-License-Identifier: BSD-3-Clause
//
// Policy: what a policy file says, parsed and resolved into types that cannot be wrong: every name
// refers to something declared, every number is in range. No list has been read yet. The grammar is
// in docs/policy.md; rules/policy/parse.h makes a Policy from text.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "rules/abi/vocabulary.h"
#include "rules/address/address.h"
#include "rules/address/vlan.h"

namespace postern {

// Where something stands: a line of one of Policy::sources.
struct PolicyPlace {
  uint32_t source = 0;
  uint32_t line = 0;  // 1-based

  auto operator<=>(const PolicyPlace&) const = default;
};

enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };

template <typename Number>
constexpr bool compares(Number left, Comparison comparison, Number right) noexcept {
  switch (comparison) {
    case Comparison::kEqual:
      return left == right;
    case Comparison::kNotEqual:
      return left != right;
    case Comparison::kLess:
      return left < right;
    case Comparison::kLessEqual:
      return left <= right;
    case Comparison::kGreater:
      return left > right;
    case Comparison::kGreaterEqual:
      return left >= right;
  }
  return false;
}

// `map` under a list: entries with a certain value form a sub-list, with a category and a weight of
// its own. The first that holds decides; entries that none holds for are of the list itself.
struct ValueMap {
  struct Any {};   // map any
  struct WordIs {  // map 127.0.0.10, map "open proxy"
    std::string word;
  };
  struct NumberIs {  // map value >= 3
    Comparison comparison;
    double number;
  };
  std::variant<Any, WordIs, NumberIs> match;
  bool ignored = false;            // `ignore`: these entries count for nothing
  std::string category;            // empty: the list's
  std::optional<int> weight = {};  // unset: the list's
  PolicyPlace place = {};
  std::string text;  // as written, blanks folded
};

// `stale after 2d keep`: what becomes of a list whose file has not changed for so long.
struct StaleRule {
  enum class Then { kIgnore, kKeep, kRefuse };  // kKeep: with a warning
  std::chrono::seconds after{};
  Then then = Then::kKeep;
};

// `fetch "https://..."` under a list: where `postern fetch` gets its file from.
struct FetchDeclaration {
  std::string url;                    // https:; redirects stay with its host
  std::optional<uint64_t> max_bytes;  // of what is transferred; unset: 64 MiB
  std::string
      pin;  // "sha256//BASE64" of the host's public key, perhaps several with ';'; empty: none
  std::string checksum_url;   // a file with the SHA-256; empty: none
  std::string signature_url;  // a detached signature; empty: none
  std::string key_file;       // the public key (PEM) that it is checked with
  PolicyPlace place;
};

inline constexpr int kDefaultWeight = 1;

struct ListDeclaration {
  std::string name;
  std::string file;                             // as written; relative to the file it stands in
  std::string format;                           // empty: recognised from the file
  std::string category;                         // empty: none
  std::string contact;                          // empty: none
  int weight = kDefaultWeight;                  // -1000..1000; for `weight >= N`
  std::optional<std::chrono::seconds> expires;  // age at which the whole list counts as empty
  std::optional<StaleRule> stale;
  std::optional<double> max_change;  // 0.5: refused when it shrank or grew by more than half
  std::optional<double> max_share;   // 0.01: refused when it covers more than 1 % of the space
  // Refused when it has an entry larger than a prefix of this length: max-range /8 /19.
  std::optional<int> max_range_v4, max_range_v6;
  std::vector<ValueMap> maps;
  std::optional<FetchDeclaration> fetch;
  PolicyPlace place;
};

// What is never stopped: a prefix, or all addresses of a list or a category of lists.
struct ProtectedList {
  size_t list = 0;  // index into Policy::lists
};
struct ProtectedCategory {
  std::string category;
};
struct Protect {
  std::variant<Prefix, ProtectedList, ProtectedCategory> what;
  PolicyPlace place = {};
};

struct Service {
  std::string name;
  std::vector<Prefix> destinations;
  uint16_t port = 25;
  VlanRange vlan;         // in which frames; of several services the one with the narrowest
  std::string host_name;  // what refused clients are greeted with; empty: the address
  PolicyPlace place;
};

// `signature ylmf /^ylmf-pc$/ drop learn 24h`: what only bots say in HELO or EHLO, to any service.
struct Signature {
  std::string name;
  std::string pattern;           // found in the name that they say
  Action action = Action::DROP;  // DROP or RESET
  std::chrono::seconds learn =
      std::chrono::seconds(0);  // then the source is dropped so long; 0: no
  PolicyPlace place = {};
};

// What a connection rule looks at: the source under `connection to`, the destination under
// `connection from`.
struct AnyAddress {};
struct InList {
  size_t list;  // index into Policy::lists
};
struct InCategory {
  std::string category;
};
struct WeightIs {         // weight >= 4: the sum over the lists that the address is in
  Comparison comparison;  // any but kNotEqual
  int weight;
};
using AddressMatch = std::variant<AnyAddress, InList, InCategory, WeightIs>;

// `limit any 20/minute burst 40 else drop`: new connections per source and service.
struct RateLimit {
  uint32_t count;                   // at least 1
  std::chrono::seconds per;         // second, minute, hour or day
  uint32_t burst;                   // at least 1; as written, else count
  Action otherwise = Action::DROP;  // DROP, RESET or REFUSE

  bool operator==(const RateLimit&) const = default;
};

struct ConnectionRule {
  Action action = Action::ALLOW;  // of a limit: ALLOW, which it does not end the search with
  std::optional<RateLimit> limit = {};
  bool observe = false;   // only counted and logged; does not end the search
  bool hard = false;      // drop, reset: every segment, not only attempts
  bool greeting = false;  // refuse: the 554 as the greeting
  AddressMatch match = AnyAddress{};
  PolicyPlace place = {};
  std::string text = {};  // the rule as written, blanks folded
};

// `connection to SERVICE...`: judged by the source.
struct ConnectionPolicy {
  std::vector<size_t> services;  // indices into Policy::services
  std::vector<ConnectionRule> rules;
  PolicyPlace place;
};

// `connection from list NAME... port 25`: from the inside, judged by the destination.
struct OutboundPolicy {
  std::vector<AddressMatch> sources;  // InList and InCategory: any of them
  uint16_t port = 25;
  std::vector<ConnectionRule> rules;
  PolicyPlace place;
};

// Message rules. A rule holds when all its conditions hold; the first that holds decides.
enum class MessageAction { kAccept, kTag, kQuarantine, kDefer, kReject };
enum class DkimWord { kPass, kFail, kNone, kPolicy, kNeutral, kTempError, kPermError };

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
  PolicyPlace place;
  std::string text;  // the rule as written, blanks folded
};

// `message to "example.net", list customers`: the rules for recipients of these domains and of
// their subdomains. Of several blocks that take a domain the first one counts.
struct MessageBlock {
  std::vector<std::string> domains;  // lower case, A-labels
  std::vector<DomainInList> lists;   // a list each, or those of a category
  std::vector<MessageRule> rules;
  PolicyPlace place = {};
  std::string text = {};  // the header as written, blanks folded; no two are equal
};
inline constexpr size_t kMaxMessageBlocks = 1024;

// One file of a policy, for provenance.
struct PolicySource {
  std::string file;
  std::string text;
};

struct Policy {
  std::vector<PolicySource> sources;  // the policy file, then what it includes, in order
  std::vector<ListDeclaration> lists;
  std::vector<Protect> protects;
  std::vector<Service> services;
  std::vector<Signature> signatures;
  std::vector<ConnectionPolicy> connections;
  std::vector<OutboundPolicy> outbound;
  std::vector<MessageRule> messages;         // for recipients that no block takes
  std::vector<MessageBlock> message_blocks;  // in their order

  const std::string& file() const noexcept { return sources.front().file; }
  const std::string& file_of(const PolicyPlace& place) const noexcept {
    return sources[place.source].file;
  }
};

// "file:line"
inline std::string place_text(const Policy& policy, const PolicyPlace& place) {
  return policy.file_of(place) + ':' + std::to_string(place.line);
}

}  // namespace postern
