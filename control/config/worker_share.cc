// SPDX-License-Identifier: BSD-3-Clause
//
// One list of what is shared out (control/config/worker_share.h): whoever adds a bound on the whole
// program adds it here, so that it is neither multiplied by the workers nor too small for them.
#include "control/config/worker_share.h"

#include <string>
#include <string_view>
#include <type_traits>

#include "control/config/values.h"

namespace postern::config {
namespace {

// Calls each(name, bound) for every bound that workers share, with its name in settings.
template <typename GivenOptions, typename Each>
void for_each_bound(GivenOptions& options, Each each) {
  each("max-sessions", options.proxy.max_sessions);
  each("spool-total", options.spool_total);
  for (auto& backend : options.proxy.farm.backends) each("max of a farm", backend.max);
  for (auto& backend : options.outbound.smarthosts) each("max of a smarthost", backend.max);
  each("null-sender-domain-rate", options.outbound.backscatter.per_domain.count);
}

}  // namespace

Options WorkerShare::of(Options options) const {
  for_each_bound(options, [this](std::string_view, auto& bound) {
    bound = static_cast<std::remove_reference_t<decltype(bound)>>(of(uint64_t{bound}));
  });
  return options;
}

void refuse_too_small(const Options& options) {
  for_each_bound(options, [&](std::string_view name, const auto& bound) {
    if (bound == 0 || bound >= options.workers) return;
    throw UsageError(std::string(name) + " " + std::to_string(bound) + " is less than workers, " +
                     std::to_string(options.workers) + ", which share it");
  });
}

}  // namespace postern::config
