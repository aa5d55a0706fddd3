// SPDX-License-Identifier: BSD-3-Clause
//
// Any bytes as a policy: refused with errors that have places in the text, or a policy whose every
// index is within bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "rules/policy/parse.h"
#include "rules/text/diagnostic.h"

using namespace postern;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_refusal(const BadInput& bad, std::string_view text) {
  const auto lines = static_cast<uint32_t>(1 + std::count(text.begin(), text.end(), '\n'));
  require(!bad.diagnostics().empty());
  for (const auto& diagnostic : bad.diagnostics()) {
    require(diagnostic.line <= lines);
    require(diagnostic.column <= diagnostic.source.size() + 1);
    require(!diagnostic.message.empty());
  }
}

void check_rules(const Policy& policy, const std::vector<ConnectionRule>& rules) {
  for (const auto& rule : rules) {
    require(rule.place.source < policy.sources.size() && !rule.text.empty());
    if (const auto* in_list = std::get_if<InList>(&rule.match))
      require(in_list->list < policy.lists.size());
    if (rule.limit) require(rule.limit->count > 0 && rule.limit->burst > 0);
  }
}

void check_messages(const Policy& policy, const std::vector<MessageRule>& rules) {
  for (const auto& rule : rules)
    for (const auto& condition : rule.conditions) {
      if (const auto* in_list = std::get_if<SourceInList>(&condition))
        require(in_list->list < policy.lists.size());
      if (const auto* domains = std::get_if<DomainInList>(&condition)) {
        require(!domains->lists.empty());
        for (const size_t list : domains->lists) require(list < policy.lists.size());
      }
    }
}

void check_policy(const Policy& policy) {
  for (const auto& protect : policy.protects)
    if (const auto* list = std::get_if<ProtectedList>(&protect.what))
      require(list->list < policy.lists.size());
  for (const auto& block : policy.connections) {
    require(std::all_of(block.services.begin(), block.services.end(),
                        [&](size_t service) { return service < policy.services.size(); }));
    check_rules(policy, block.rules);
  }
  for (const auto& block : policy.outbound) {
    require(!block.sources.empty());
    check_rules(policy, block.rules);
  }
  check_messages(policy, policy.messages);
  require(policy.message_blocks.size() <= kMaxMessageBlocks);
  for (const auto& block : policy.message_blocks) {
    require(!block.domains.empty() || !block.lists.empty());
    for (const auto& in : block.lists) {
      require(!in.lists.empty());
      for (const size_t list : in.lists) require(list < policy.lists.size());
    }
    check_messages(policy, block.rules);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    // What is included is the text behind the first NUL.
    const auto end = std::min(text.find('\0'), text.size());
    const auto policy = parse_policy(text.substr(0, end), "fuzz", [&](const std::string&) {
      return std::string(text.substr(std::min(end + 1, text.size())));
    });
    check_policy(policy);
    check_policy(parse_sources(policy.sources));
  } catch (const BadInput& bad) {
    check_refusal(bad, text);
  }
  return 0;
}
