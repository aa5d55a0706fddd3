// SPDX-License-Identifier: BSD-3-Clause
//
// Destinations -> service sets (rules/compile/service_sets.h).
#include "rules/compile/service_sets.h"

#include <algorithm>
#include <map>
#include <span>
#include <string>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

// The VLANs that services name, and which of the names hold together: a zone for each such set.
class Zones {
 public:
  explicit Zones(const Policy& policy) : sets_(PS_MAX_ZONES) {
    for (uint32_t i = 0; i < policy.services.size(); i++) {
      const auto& vlan = policy.services[i].vlan;
      (vlan.is_any() ? in_all_ : by_name_[vlan]).push_back(i);
    }
    std::vector<Interval<KeyV4>> intervals;  // sorted, as the map is: a range before those within
    for (const auto& [name, services] : by_name_)
      intervals.push_back({name.first, name.last, static_cast<uint32_t>(intervals.size())});
    for (const auto& [name, services] : by_name_) services_.push_back(&services);
    // No more sets than names: that of a name is those around it.
    vlans_ = sweep<KeyV4>(intervals, intervals.size(), sets_);
  }

  const std::vector<Segment<KeyV4>>& vlans() const noexcept { return vlans_; }
  size_t count() const noexcept { return sets_.sets().size(); }
  // Which services are in a zone, by number.
  std::vector<uint32_t> services_of(size_t zone) const {
    auto services = in_all_;
    for (const uint32_t name : sets_.sets()[zone])
      services.insert(services.end(), services_[name]->begin(), services_[name]->end());
    return services;
  }

 private:
  std::vector<uint32_t> in_all_;
  std::map<VlanRange, std::vector<uint32_t>> by_name_;
  std::vector<const std::vector<uint32_t>*> services_;  // of each name, in the map's order
  OwnerSets sets_;
  std::vector<Segment<KeyV4>> vlans_;
};

template <typename Key>
std::vector<Segment<Key>> classify(const Policy& policy, std::span<const uint32_t> services,
                                   OwnerSets& sets) {
  std::vector<Interval<Key>> intervals;
  for (const uint32_t service : services)
    for (const auto& prefix : policy.services[service].destinations)
      if (prefix.family() == (sizeof(Key) == 4 ? Family::kV4 : Family::kV6))
        intervals.push_back({key_of<Key>(prefix.first()), key_of<Key>(prefix.last()), service});
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
      const auto services = zones.services_of(zone);
      result.zones.push_back(
          {classify<KeyV4>(policy, services, owners), classify<KeyV6>(policy, services, owners)});
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
