// SPDX-License-Identifier: BSD-3-Clause
//
// Destinations -> service sets (rules/compile/service_sets.h).
#include "rules/compile/service_sets.h"

#include <algorithm>
#include <string>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

// Sets of the VLANs that services name.
class Zones {
 public:
  explicit Zones(const Policy& policy) : policy_(policy), sets_(PS_MAX_ZONES) {
    for (const auto& service : policy.services)
      if (!service.vlan.is_any()) names_.push_back(service.vlan);
    std::ranges::sort(names_);
    const auto repeated = std::ranges::unique(names_);
    names_.erase(repeated.begin(), repeated.end());
    std::vector<Interval<KeyV4>> intervals;
    for (uint32_t i = 0; i < names_.size(); i++)
      intervals.push_back({names_[i].first, names_[i].last, i});
    // No more sets than names: that of a name is those around it.
    vlans_ = sweep<KeyV4>(intervals, names_.size(), sets_);
  }

  const std::vector<Segment<KeyV4>>& vlans() const noexcept { return vlans_; }
  size_t count() const noexcept { return sets_.sets().size(); }
  // Which services are in a zone, by number.
  std::vector<bool> services_of(size_t zone) const {
    std::vector<bool> are(policy_.services.size());
    for (size_t i = 0; i < are.size(); i++) {
      const auto& vlan = policy_.services[i].vlan;
      are[i] = vlan.is_any() || std::ranges::any_of(sets_.sets()[zone], [&](uint32_t name) {
                 return names_[name] == vlan;
               });
    }
    return are;
  }

 private:
  const Policy& policy_;
  std::vector<VlanRange> names_;  // sorted: a range before those within it
  OwnerSets sets_;
  std::vector<Segment<KeyV4>> vlans_;
};

template <typename Key>
std::vector<Segment<Key>> classify(const Policy& policy, const std::vector<bool>& present,
                                   OwnerSets& sets) {
  std::vector<Interval<Key>> intervals;
  for (uint32_t service = 0; service < policy.services.size(); service++) {
    if (!present[service]) continue;
    for (const auto& prefix : policy.services[service].destinations)
      if (prefix.family() == (sizeof(Key) == 4 ? Family::kV4 : Family::kV6))
        intervals.push_back({key_of<Key>(prefix.first()), key_of<Key>(prefix.last()), service});
  }
  std::sort(intervals.begin(), intervals.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  return sweep<Key>(intervals, policy.services.size(), sets);
}

[[noreturn]] void refuse(const Policy& policy, size_t service, const std::string& why) {
  throw BadInput(Diagnostic{.file = policy.file_of(policy.services[service].place),
                            .line = policy.services[service].place.line,
                            .message = "service \"" + policy.services[service].name + "\" " + why});
}

// The services of one address in one zone, without those that another one stands before.
std::vector<uint32_t> without_hidden(const Policy& policy, const std::vector<uint32_t>& services) {
  std::vector<uint32_t> seen;
  for (const uint32_t service : services) {
    const auto& hidden = policy.services[service];
    const auto stands_before = [&](uint32_t other) {
      const auto& narrower = policy.services[other];
      return narrower.port == hidden.port && narrower.vlan != hidden.vlan &&
             hidden.vlan.contains(narrower.vlan);
    };
    if (std::ranges::none_of(services, stands_before)) seen.push_back(service);
  }
  return seen;
}

ps_service_set set_of(const Policy& policy, const std::vector<uint32_t>& services,
                      const std::vector<uint32_t>& row_of_service, const RefusalTexts& texts) {
  if (services.size() > PS_SERVICES_PER_SET)
    refuse(policy, services.back(),
           "is one more than the " + std::to_string(PS_SERVICES_PER_SET) +
               " services that one address may have");
  ps_service_set set{};
  for (const uint32_t service : services)
    set.services[set.count++] = {
        .port = policy.services[service].port,
        .policy = static_cast<uint16_t>(row_of_service[service]),
        .service = static_cast<uint16_t>(service),
        .greeting = static_cast<uint16_t>(texts.greeting_of(policy.services[service]))};
  return set;
}

}  // namespace

ServiceSets assign_service_sets(const Policy& policy, const std::vector<uint32_t>& row_of_service,
                                const RefusalTexts& texts) {
  ServiceSets result;
  OwnerSets owners(PS_MAX_SERVICE_SETS);
  const Zones zones(policy);
  result.vlans = zones.vlans();
  try {
    for (size_t zone = 0; zone < zones.count(); zone++) {
      const auto present = zones.services_of(zone);
      result.zones.push_back(
          {classify<KeyV4>(policy, present, owners), classify<KeyV6>(policy, present, owners)});
    }
  } catch (const TooManySets& beyond) {
    refuse(policy, beyond.owners.back(),
           "shares addresses with others in too many ways: there are more than " +
               std::to_string(PS_MAX_SERVICE_SETS - 1) + " sets of services");
  }
  for (const auto& services : owners.sets())
    result.sets.push_back(set_of(policy, without_hidden(policy, services), row_of_service, texts));
  return result;
}

}  // namespace postern
