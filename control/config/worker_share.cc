// SPDX-License-Identifier: BSD-3-Clause
//
// What is left by division goes to the first workers, one each.
#include "control/config/worker_share.h"

#include <algorithm>
#include <utility>

namespace postern::config {
namespace {

class Part {
 public:
  Part(size_t workers, size_t number) : workers_(workers), number_(number) {}

  template <typename Number>
  void take(Number& of) const {
    of = static_cast<Number>(of / workers_ + (number_ < of % workers_ ? 1 : 0));
  }
  // Where 0 says something else.
  template <typename Number>
  void take_some(Number& of) const {
    if (of == 0) return;
    take(of);
    of = std::max<Number>(of, 1);
  }

 private:
  const size_t workers_, number_;
};

}  // namespace

Options share_of(Options options, size_t workers, size_t number) {
  const Part part(workers, number);
  part.take(options.proxy.max_sessions);
  part.take(options.spool_total);
  for (auto* backends : {&options.proxy.farm.backends, &options.outbound.smarthosts})
    for (auto& backend : *backends) part.take_some(backend.max);
  part.take_some(options.proxy.farm.idle_legs);
  part.take_some(options.directory.ldap.max_searches);
  // A milter is the first worker's alone.
  if (options.runs_proxy) part.take_some(options.names.reverse_lookups);
  part.take_some(options.outbound.backscatter.per_domain.count);
  return options;
}

std::string limit_below_workers(const Options& options) {
  if (options.proxy.max_sessions < options.workers) return "max-sessions";
  for (const auto& [name, backends] : {std::pair{"farm ", &options.proxy.farm.backends},
                                       std::pair{"smarthost ", &options.outbound.smarthosts}})
    for (const auto& backend : *backends)
      if (backend.max != 0 && backend.max < options.workers)
        return std::string("max of ") + name + backend.place();
  return {};
}

std::string spool_below_message(const Options& options) {
  const uint64_t part = options.spool_total / options.workers;
  if (!options.takes_messages() || part >= options.proxy.max_message) return {};
  return "spool-total, " + std::to_string(options.spool_total) + ", leaves each of " +
         std::to_string(options.workers) + " workers " + std::to_string(part) +
         " octets: less than max-message, " + std::to_string(options.proxy.max_message);
}

}  // namespace postern::config
