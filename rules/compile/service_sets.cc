// SPDX-License-Identifier: BSD-3-Clause
//
// Destinations -> service sets (rules/compile/service_sets.h).
#include "rules/compile/service_sets.h"

#include <algorithm>
#include <string>

#include "rules/text/diagnostic.h"

namespace postern {
namespace {

template <typename Key>
std::vector<Segment<Key>> classify(const Policy& policy, OwnerSets& sets) {
  std::vector<Interval<Key>> intervals;
  for (uint32_t service = 0; service < policy.services.size(); service++)
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
  try {
    result.segments_v4 = classify<KeyV4>(policy, owners);
    result.segments_v6 = classify<KeyV6>(policy, owners);
  } catch (const TooManySets& beyond) {
    refuse(policy, beyond.owners.back(),
           "shares addresses with others in too many ways: there are more than " +
               std::to_string(PS_MAX_SERVICE_SETS - 1) + " sets of services");
  }
  for (const auto& services : owners.sets())
    result.sets.push_back(set_of(policy, services, row_of_service, texts));
  return result;
}

}  // namespace postern
