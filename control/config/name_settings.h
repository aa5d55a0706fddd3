// SPDX-License-Identifier: BSD-3-Clause
//
// The settings about names and the DNS: tables that classify names, how long a client's names may
// take, and how long an answer that does not come is waited for.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <chrono>
#include <cstddef>
#include <string>

#include "control/config/values.h"
#include "control/dns/silent_zones.h"
#include "control/policy/lookup_slots.h"
#include "control/policy/name_classes.h"

namespace postern::config {

struct NameOptions {
  policy::NameTableOptions tables;
  std::chrono::milliseconds reverse_time{5000};
  size_t reverse_lookups = policy::LookupSlots::kDefaultMost;  // at a time
  dns::SilentZones::Options silent_zones;
  std::string silent_zones_file;  // empty: in memory only
};

// The settings, their defaults and what they mean.
boost::program_options::options_description name_settings();

// Throws UsageError or BadInput.
NameOptions read_names(const Values& values);

}  // namespace postern::config
