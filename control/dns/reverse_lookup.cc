// SPDX-License-Identifier: BSD-3-Clause
//
// One PTR question, then one for the addresses of each name (control/dns/reverse_lookup.h). Names
// are sorted before they are cut to the bound, as resolvers turn the order of records at will.
#include "control/dns/reverse_lookup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "control/dns/domain_name.h"

namespace postern::dns {
namespace {

void note_fault(ReverseLookup& lookup, const std::string& name, const Answer& answer) {
  if (!lookup.detail.empty()) return;
  lookup.detail = name + ": " + (answer.detail.empty() ? "no answer" : answer.detail);
}

bool has_address(const Answer& answer, const IpAddress& address) {
  return std::ranges::any_of(answer.records, [&](const std::string& record) {
    const auto found = IpAddress::parse(record);
    return found && found->unmapped() == address;
  });
}

// The names of an answer, each once, at most kMaxNames.
std::vector<std::string> names_of(Answer answer, bool& truncated) {
  auto names = std::move(answer.records);
  std::ranges::sort(names);
  const auto twice = std::ranges::unique(names);
  names.erase(twice.begin(), twice.end());
  truncated = names.size() > ReverseLookup::kMaxNames;
  if (truncated) names.resize(ReverseLookup::kMaxNames);
  return names;
}

ReverseLookup::Status status_of(const ReverseLookup& lookup) {
  if (!lookup.confirmed.empty()) return ReverseLookup::Status::kConfirmed;
  // What was not looked at may be the one that has it: such an address is not forged.
  if (!lookup.failed.empty() || lookup.truncated) return ReverseLookup::Status::kTemperror;
  return lookup.unconfirmed.empty() ? ReverseLookup::Status::kNone
                                    : ReverseLookup::Status::kUnconfirmed;
}

}  // namespace

std::string reverse_name(const IpAddress& address) {
  const auto& bytes = address.bytes();
  std::string name;
  if (address.is_v4()) {
    for (int i = 3; i >= 0; i--) name += std::to_string(bytes[static_cast<size_t>(i)]) + '.';
    return name + "in-addr.arpa";
  }
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (auto octet = bytes.rbegin(); octet != bytes.rend(); ++octet)
    for (const int nibble : {*octet & 15, *octet >> 4}) {
      name += kDigits[static_cast<size_t>(nibble)];
      name += '.';
    }
  return name + "ip6.arpa";
}

boost::asio::awaitable<ReverseLookup> look_up_reverse(Resolver& resolver, IpAddress address) {
  ReverseLookup lookup;
  address = address.unmapped();
  std::string reverse = reverse_name(address);
  Answer pointers = co_await resolver.query(reverse, RecordType::kPtr);
  if (pointers.status == Status::kFailed && !pointers.given_up) {
    note_fault(lookup, reverse, pointers);
    co_return lookup;
  }
  const auto type = address.is_v4() ? RecordType::kA : RecordType::kAaaa;
  std::vector<std::string> names = names_of(std::move(pointers), lookup.truncated);
  for (auto& name : names) {
    std::optional<std::string> host = to_a_labels(name);
    if (!host) {
      lookup.unconfirmed.push_back(std::move(name));
      continue;
    }
    const Answer addresses = co_await resolver.query(*host, type);
    if (addresses.status == Status::kFailed && !addresses.given_up) {
      note_fault(lookup, *host, addresses);
      lookup.failed.push_back(std::move(*host));
    } else if (has_address(addresses, address)) {
      lookup.confirmed.push_back(std::move(*host));
    } else {
      lookup.unconfirmed.push_back(std::move(*host));
    }
  }
  lookup.status = status_of(lookup);
  co_return lookup;
}

}  // namespace postern::dns
